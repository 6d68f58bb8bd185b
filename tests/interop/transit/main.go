// SPDX-License-Identifier: Apache-2.0

// Clients of Vault's transit API and of cosign's key management, as they are, against a broker's socket. Prints TAP. A driver in Python
// (../transit.py) starts the broker.
//
//	judge SOCKET FOLDER-OF-THE-PLUGIN
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-jose/go-jose/v4"
	vault "github.com/hashicorp/vault/api"
	openbao "github.com/openbao/openbao/api/v2"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/kms/hashivault"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

var message = []byte("what is signed")

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func want(good bool, what string, more ...any) {
	if !good {
		panic(fmt.Sprintf("%s: %v", what, more))
	}
}

// Reads and writes below transit/.
type transit interface {
	read(path string) map[string]any
	write(path string, data map[string]any) map[string]any
}
type byVault struct{ c *vault.Client }
type byOpenBao struct{ c *openbao.Client }

func (v byVault) read(path string) map[string]any {
	secret, err := v.c.Logical().Read("transit/" + path)
	must(err)
	return secret.Data
}

func (v byVault) write(path string, data map[string]any) map[string]any {
	secret, err := v.c.Logical().Write("transit/"+path, data)
	must(err)
	return secret.Data
}

func (o byOpenBao) read(path string) map[string]any {
	secret, err := o.c.Logical().Read("transit/" + path)
	must(err)
	return secret.Data
}

func (o byOpenBao) write(path string, data map[string]any) map[string]any {
	secret, err := o.c.Logical().Write("transit/"+path, data)
	must(err)
	return secret.Data
}

func client(socket string) *vault.Client {
	config := vault.DefaultConfig()
	config.Address = "unix://" + socket
	config.MaxRetries = 0
	c, err := vault.NewClient(config)
	must(err)
	c.SetToken("not looked at")
	return c
}

// The public key of the version that signs, by the rules of Vault's clients.
func public(c transit, name string) (crypto.PublicKey, json.Number) {
	data := c.read("keys/" + name)
	latest := data["latest_version"].(json.Number)
	text := data["keys"].(map[string]any)[latest.String()].(map[string]any)["public_key"].(string)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		octets, err := base64.StdEncoding.DecodeString(text)
		must(err)
		return ed25519.PublicKey(octets), latest
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(err)
	return key, latest
}

// A JWS made the way Dex makes one: header and digest here, the signature there.
func signsJWTs(c transit) {
	for name, way := range map[string]struct {
		alg  jose.SignatureAlgorithm
		hash string
		make func() hash.Hash
	}{"es256": {jose.ES256, "sha2-256", sha256.New}, "es384": {jose.ES384, "sha2-384", sha512.New384}, "rs256": {jose.RS256, "sha2-256", sha256.New},
		"eddsa": {jose.EdDSA, "", nil}, "wheel": {jose.ES256, "sha2-256", sha256.New}} {
		key, latest := public(c, name)
		header, _ := json.Marshal(map[string]string{"alg": string(way.alg)})
		input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(message)
		data := map[string]any{"marshaling_algorithm": "jws", "signature_algorithm": "pkcs1v15", "input": base64.StdEncoding.EncodeToString([]byte(input))}
		if way.make != nil {
			h := way.make()
			h.Write([]byte(input))
			data["input"], data["prehashed"], data["hash_algorithm"] = base64.StdEncoding.EncodeToString(h.Sum(nil)), true, way.hash
		}
		made := c.write("sign/"+name, data)["signature"].(string)
		parts := strings.Split(made, ":")
		want(len(parts) == 3 && parts[1] == "v"+latest.String(), "the version", name, parts)
		jws, err := jose.ParseSigned(input+"."+parts[2], []jose.SignatureAlgorithm{way.alg})
		must(err)
		payload, err := jws.Verify(key)
		must(err)
		want(bytes.Equal(payload, message), "the payload", name)
		data["signature"] = made
		want(c.write("verify/"+name, data)["valid"] == true, "verified there too", name)
	}
}

func vaultSignsJWTs(socket, _ string) {
	signsJWTs(byVault{client(socket)})
}

// The client that Dex has.
func openBaoSignsJWTs(socket, _ string) {
	config := openbao.DefaultConfig()
	config.Address = "unix://" + socket
	c, err := openbao.NewClient(config)
	must(err)
	c.SetToken("not looked at")
	signsJWTs(byOpenBao{c})
}

func refusal(err error) (int, string) {
	var r *vault.ResponseError
	if !errors.As(err, &r) {
		return 0, fmt.Sprint(err)
	}
	return r.StatusCode, strings.Join(r.Errors, "|")
}

func vaultUnderstandsRefusals(socket, _ string) {
	c := client(socket)
	secret, err := c.Logical().Read("transit/keys/nope")
	want(secret == nil && err == nil, "an unknown key is none", secret, err)
	for _, one := range []struct {
		path   string
		data   map[string]any
		status int
		said   string
	}{
		{"transit/sign/nope", map[string]any{"input": ""}, 404, "KEY_UNKNOWN"},
		{"transit/sign/rs256", map[string]any{"input": ""}, 400, "signature_algorithm pkcs1v15 only"},
		{"transit/sign/es256/sha2-512", map[string]any{"input": ""}, 400, "hash_algorithm sha2-256 only"},
		{"transit/keys/new", map[string]any{"type": "ecdsa-p256"}, 405, "HTTP_METHOD"},
		{"transit/keys/es256/rotate", nil, 404, "ROUTE_UNKNOWN"},
	} {
		_, err := c.Logical().Write(one.path, one.data)
		status, said := refusal(err)
		want(status == one.status && strings.Contains(said, one.said), one.path, status, said)
	}
	self, err := c.Auth().Token().LookupSelf()
	must(err)
	ttl, err := self.TokenTTL()
	must(err)
	policies, err := self.TokenPolicies()
	must(err)
	want(ttl == 0 && len(policies) == 1 && policies[0] == "owner", "the caller", ttl, policies)
}

func verifies(key crypto.PublicKey, sig []byte) error {
	digest := sha256.Sum256(message)
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, digest[:], sig) {
			return nil
		}
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], sig)
	case ed25519.PublicKey:
		if ed25519.Verify(k, message, sig) {
			return nil
		}
	}
	return errors.New("does not verify")
}

// What cosign does for hashivault://NAME.
func cosignSignsAndVerifies(socket, _ string) {
	os.Setenv("VAULT_ADDR", "unix://"+socket)
	os.Setenv("VAULT_TOKEN", "not looked at")
	for name, hash := range map[string]crypto.Hash{"es256": crypto.SHA256, "rs256": crypto.SHA256, "eddsa": crypto.Hash(0), "wheel": crypto.SHA256} {
		var load []signature.RPCOption
		var how []signature.VerifyOption
		if name == "wheel" { // of a key with versions cosign must be told which one
			_, latest := public(byVault{client(socket)}, name)
			load, how = []signature.RPCOption{options.WithKeyVersion(latest.String())}, []signature.VerifyOption{options.WithKeyVersion(latest.String())}
		}
		sv, err := hashivault.LoadSignerVerifier("hashivault://"+name, hash, load...)
		must(err)
		key, err := sv.PublicKey()
		must(err)
		sig, err := sv.SignMessage(bytes.NewReader(message))
		must(err)
		must(verifies(key, sig))
		must(sv.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message), how...))
		err = sv.VerifySignature(bytes.NewReader(sig), strings.NewReader("another"), how...)
		want(err != nil && strings.Contains(err.Error(), "failed vault verification"), "another message", name, err)
		_, err = sv.CreateKey(context.Background(), hashivault.AlgorithmECDSAP256)
		want(err != nil && strings.Contains(err.Error(), "Code: 405"), "no key is made", err)
	}
}

// What cosign does for jwk11://NAME: it starts sigstore-kms-jwk11.
func cosignStartsThePlugin(socket, folder string) {
	ctx := context.Background()
	folder, err := filepath.Abs(folder)
	must(err)
	os.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	os.Setenv("JWK11_SOCKET", socket)
	for name, hash := range map[string]crypto.Hash{"es256": crypto.SHA256, "rs256": crypto.SHA256, "eddsa": crypto.SHA256, "wheel": crypto.SHA256} {
		sv, err := cliplugin.LoadSignerVerifier(ctx, "jwk11://"+name, hash)
		must(err)
		key, err := sv.PublicKey()
		must(err)
		sig, err := sv.SignMessage(bytes.NewReader(message))
		must(err)
		must(verifies(key, sig))
		must(sv.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)))
		want(sv.VerifySignature(bytes.NewReader(sig), strings.NewReader("another")) != nil, "another message", name)
		verifier, err := signature.LoadVerifier(key, hash)
		must(err)
		must(verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)))
		if name == "eddsa" {
			continue
		}
		signer, how, err := sv.CryptoSigner(ctx, nil)
		must(err)
		digest := sha256.Sum256(message)
		sig, err = signer.Sign(nil, digest[:], how)
		must(err)
		must(verifies(signer.Public(), sig))
	}
	sv, err := cliplugin.LoadSignerVerifier(ctx, "jwk11://es256", crypto.SHA512)
	must(err)
	want(sv.DefaultAlgorithm() == "ES256" && len(sv.SupportedAlgorithms()) > 3, "algorithms", sv.DefaultAlgorithm())
	_, err = sv.SignMessage(bytes.NewReader(message))
	want(errors.Is(err, cliplugin.ErrorPluginReturnError) && strings.Contains(err.Error(), "key \"es256\" does ES256"), "another hash", err)
	_, err = sv.CreateKey(ctx, "ES256")
	want(errors.Is(err, cliplugin.ErrorPluginReturnError) && strings.Contains(err.Error(), "made on their token"), "no key is made", err)
}

func run(n int, what string, test func(socket, folder string)) (good bool) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Printf("not ok %d - %s\n# %s\n", n, what, strings.ReplaceAll(fmt.Sprint(why), "\n", "\n# "))
			return
		}
		fmt.Printf("ok %d - %s\n", n, what)
		good = true
	}()
	test(os.Args[1], os.Args[2])
	return
}

func main() {
	tests := []struct {
		what string
		test func(socket, folder string)
	}{
		{"Vault's client makes JWTs and go-jose takes them", vaultSignsJWTs},
		{"OpenBao's client, which Dex has, makes JWTs and go-jose takes them", openBaoSignsJWTs},
		{"Vault's client understands refusals", vaultUnderstandsRefusals},
		{"cosign's hashivault signs and verifies", cosignSignsAndVerifies},
		{"cosign's plugin client signs and verifies with sigstore-kms-jwk11", cosignStartsThePlugin},
	}
	fmt.Printf("1..%d\n", len(tests))
	good := true
	for i, t := range tests {
		good = run(i+1, t.what, t.test) && good
	}
	if !good {
		os.Exit(1)
	}
}
