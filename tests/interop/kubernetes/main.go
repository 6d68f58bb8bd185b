// SPDX-License-Identifier: Apache-2.0

// Kubernetes' own API server, nothing of ours in it: what cmd/kube-apiserver/apiserver.go does, without its optional logs and metrics.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
