// SPDX-License-Identifier: Apache-2.0

// With the broker, by the standard library alone: lists keys, has a JWT signed, fetches the JWKS, verifies with it (ES256, EdDSA), and shows a refusal.
//
//	go run jwt.go /run/jwk11d/api.sock KEY
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Problem is application/problem+json, RFC 9457: Code is for programs, the rest for people.
type Problem struct {
	Title, Detail, Code, Hint string
}

func (p *Problem) Error() string {
	return strings.TrimSpace(p.Code + ": " + p.Detail + " " + p.Hint)
}

type broker struct{ http.Client }

func dial(path string) *broker {
	return &broker{http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}}
}

// ask gives the answer; a request that may work soon is sent once more.
func (b *broker) ask(method, route, body string) ([]byte, error) {
	for last := false; ; last = true {
		request, err := http.NewRequest(method, "http://localhost"+route, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		reply, err := b.Do(request)
		if err != nil {
			return nil, err
		}
		said, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil || reply.StatusCode == http.StatusOK {
			return said, err
		}
		wait, err := strconv.Atoi(reply.Header.Get("Retry-After"))
		if last || err != nil || wait > 5 {
			problem := &Problem{}
			if err := json.Unmarshal(said, problem); err != nil {
				return nil, err
			}
			return nil, problem
		}
		time.Sleep(time.Duration(wait) * time.Second)
	}
}

type jwk struct{ Kid, Alg, X, Y string }

func octets(text string) []byte {
	octets, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return octets
}

func verify(jwt string, keys []jwk) error {
	part := strings.Split(jwt, ".")
	var head struct{ Alg, Kid string }
	if err := json.Unmarshal(octets(part[0]), &head); err != nil {
		return err
	}
	message, signature := []byte(part[0]+"."+part[1]), octets(part[2])
	for _, k := range keys {
		if k.Kid != head.Kid || k.Alg != head.Alg {
			continue
		}
		hash, good := sha256.Sum256(message), false
		switch {
		case k.Alg == "ES256" && len(signature) == 64:
			pub := ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(octets(k.X)), Y: new(big.Int).SetBytes(octets(k.Y))}
			good = ecdsa.Verify(&pub, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		case k.Alg == "EdDSA" && len(octets(k.X)) == ed25519.PublicKeySize:
			good = ed25519.Verify(octets(k.X), message, signature)
		}
		if !good {
			return fmt.Errorf("the signature by %s does not verify", k.Kid)
		}
		fmt.Fprintln(os.Stderr, "verified", k.Alg, k.Kid)
		return nil
	}
	return errors.New("no key of the set has this kid")
}

func run(path, key string) error {
	b := dial(path)
	var list struct {
		Keys []struct{ Name, Alg, State string }
	}
	var set struct{ Keys []jwk }
	said, err := b.ask("GET", "/v1/keys", "")
	if err == nil {
		err = json.Unmarshal(said, &list)
	}
	for _, k := range list.Keys {
		fmt.Fprintln(os.Stderr, "key", k.Name, k.Alg, k.State)
	}
	if err != nil {
		return err
	}
	jwt, err := b.ask("POST", "/v1/keys/"+key+"/jwt", `{"claims":{"iss":"https://issuer.example","sub":"alice"},"ttl":300}`)
	if err != nil {
		return err
	}
	if said, err = b.ask("GET", "/.well-known/jwks.json", ""); err == nil {
		err = json.Unmarshal(said, &set)
	}
	if err == nil {
		err = verify(string(jwt), set.Keys)
	}
	if err != nil {
		return err
	}
	var problem *Problem
	if _, err = b.ask("POST", "/v1/keys/no-such-key/jwt", `{"claims":{}}`); errors.As(err, &problem) {
		fmt.Fprintln(os.Stderr, "refused", problem)
	}
	fmt.Println(string(jwt))
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: jwt SOCKET KEY")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "jwt:", err)
		os.Exit(1)
	}
}
