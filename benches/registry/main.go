// Command registry-bench compares what it costs to pull a blob from CNCF Distribution without authentication, with Distribution's
// own controller of tokens, and with Portcullis' plugin: the same binary, the same blob, the same token, in one run.
//
// Every round pulls from each of the three in turn, so that what else the machine does meets all of them; the middle of the rounds
// counts. `make bench` runs it.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// rounds of each measurement: enough for a steady middle.
	rounds = 31
	// within is how long a registry may take to answer at all.
	within = 60 * time.Second
	issuer = "https://tokens.example"
	// service is the registry's name, the audience of tokens.
	service = "registry.example"
)

// sizes of the blobs that are pulled, in bytes, and how many pulls a round has.
var sizes = []struct {
	name  string
	bytes int
	pulls int
}{{"64 KiB", 64 << 10, 200}, {"1 MiB", 1 << 20, 100}, {"16 MiB", 16 << 20, 10}}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "registry-bench:", err)
		os.Exit(1)
	}
}

func run() error {
	binary, err := filepath.Abs("dist/registry/portcullis-registry")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "registry-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	jwks, err := json.Marshal(map[string]any{"keys": []any{jwk(key)}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "jwks.json"), jwks, 0o600); err != nil {
		return err
	}
	token, err := sign(key)
	if err != nil {
		return err
	}
	subjects := []*subject{
		{name: "no authentication"},
		{name: "Distribution's token controller", auth: func(string) string {
			return fmt.Sprintf("auth:\n  token:\n    realm: %s/token\n    service: %s\n    issuer: %s\n    jwks: %s\n",
				issuer, service, issuer, filepath.Join(folder, "jwks.json"))
		}},
		{name: "portcullis", auth: func(address string) string {
			policy := fmt.Sprintf("origins = [\"http://%s\"]\n\n[[issuers]]\nname = \"tokens\"\nissuer = %q\nprofile = \"registry\"\n"+
				"keys = \"file:jwks.json\"\n\n[registry]\nservices = [%q]\nrealm = \"%s/token\"\n", address, issuer, service, issuer)
			file := filepath.Join(folder, "policy.toml")
			if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
				panic(err)
			}
			return "auth:\n  portcullis:\n    policy: " + file + "\n"
		}},
	}
	for _, one := range subjects {
		if err := one.start(binary, folder); err != nil {
			return err
		}
		defer one.end()
	}
	fmt.Println("pulling a blob from CNCF Distribution, one after the other on one connection, and eight side by side")
	fmt.Printf("%-10s %-14s %-34s %12s %24s %22s\n", "blob", "", "", "µs a pull", "÷ no authentication", "÷ token controller")
	for _, size := range sizes {
		blob := make([]byte, size.bytes)
		if _, err := rand.Read(blob); err != nil {
			return err
		}
		for _, one := range subjects {
			if err := one.push(blob, token); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
		for _, side := range []int{1, 8} {
			if err := measure(subjects, blob, token, size.name, size.pulls, side); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure pulls a blob from each subject in turn, round after round, and prints the middle.
func measure(subjects []*subject, blob []byte, token, name string, pulls, side int) error {
	digest := digest(blob)
	times := make([][]float64, len(subjects))
	for round := range rounds {
		for number := range subjects {
			// Whoever comes first in a round is another one each time.
			at := (number + round) % len(subjects)
			took, err := subjects[at].pull(digest, token, len(blob), pulls, side)
			if err != nil {
				return fmt.Errorf("%s: %w", subjects[at].name, err)
			}
			times[at] = append(times[at], took)
		}
	}
	how := "one by one"
	if side > 1 {
		how = fmt.Sprintf("%d at once", side)
	}
	var middles []float64
	for _, each := range times {
		slices.Sort(each)
		middles = append(middles, each[len(each)/2])
	}
	for at, one := range subjects {
		fmt.Printf("%-10s %-14s %-34s %12.0f %24.3f %22.3f\n", name, how, one.name, middles[at], middles[at]/middles[0], middles[at]/middles[1])
	}
	return nil
}

// subject is a registry that runs.
type subject struct {
	name    string
	auth    func(address string) string
	address string
	process *exec.Cmd
	client  *http.Client
}

func (s *subject) start(binary, folder string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	root := filepath.Join(folder, s.address)
	config := fmt.Sprintf("version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n  addr: %s\n  secret: bench\n", root, s.address)
	if s.auth != nil {
		config += s.auth(s.address)
	}
	file := root + ".yml"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	s.process = exec.Command(binary, "serve", file)
	s.process.Stderr = os.Stderr
	// Else it looks for a collector of traces, and complains.
	s.process.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("make dist builds it: %w", err)
	}
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		answer, err := s.client.Get("http://" + s.address + "/v2/")
		if err == nil {
			_ = answer.Body.Close()
			return nil
		}
		if time.Since(begun) > within {
			return fmt.Errorf("%s does not answer: %w", s.name, err)
		}
	}
}

func (s *subject) end() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
	}
}

func (s *subject) request(method, url, token string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	// Who asks for no credential is sent one all the same: the requests are the same.
	request.Header.Set("Authorization", "Bearer "+token)
	return s.client.Do(request)
}

// push uploads a blob in one piece (OCI Distribution Specification 1.1, Single POST).
func (s *subject) push(blob []byte, token string) error {
	answer, err := s.request("POST", "http://"+s.address+"/v2/bench/app/blobs/uploads/", token, nil)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("an upload begins with %s", answer.Status)
	}
	place, err := answer.Location()
	if err != nil {
		return err
	}
	query := place.Query()
	query.Set("digest", digest(blob))
	place.RawQuery = query.Encode()
	answer, err = s.request("PUT", place.String(), token, bytes.NewReader(blob))
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("an upload ends with %s", answer.Status)
	}
	return nil
}

// pull gets a blob so many times, so many side by side, and gives the microseconds that one took.
func (s *subject) pull(digest, token string, length, pulls, side int) (float64, error) {
	url := "http://" + s.address + "/v2/bench/app/blobs/" + digest
	one := func() error {
		answer, err := s.request("GET", url, token, nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		read, err := io.Copy(io.Discard, answer.Body)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK || read != int64(length) {
			return fmt.Errorf("%s with %d bytes", answer.Status, read)
		}
		return nil
	}
	var workers sync.WaitGroup
	failures := make(chan error, side)
	begun := time.Now()
	for range side {
		workers.Go(func() {
			for range pulls / side {
				if err := one(); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	workers.Wait()
	took := time.Since(begun)
	select {
	case err := <-failures:
		return 0, err
	default:
	}
	return float64(took.Microseconds()) / float64(pulls/side*side), nil
}

func digest(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func encode(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func jwk(key *ecdsa.PrivateKey) map[string]any {
	point, _ := key.PublicKey.Bytes()
	return map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:]), "kid": "bench", "alg": "ES256", "use": "sig"}
}

// sign makes a registry token that is good for an hour (distribution: Token Authentication Implementation).
func sign(key *ecdsa.PrivateKey) (string, error) {
	now := time.Now().Unix()
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "kid": "bench"})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": issuer, "sub": "bench", "aud": service, "exp": now + 3600, "nbf": now - 10, "iat": now - 10, "jti": "bench",
		"access": []any{map[string]any{"type": "repository", "name": "bench/app", "actions": []string{"pull", "push"}}},
	})
	if err != nil {
		return "", err
	}
	input := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", err
	}
	fixed := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	return input + "." + encode(append(fixed(r), fixed(s)...)), nil
}
