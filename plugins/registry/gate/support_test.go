package gate

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
)

var root = filepath.Join("..", "..", "..")

// within is how long anything is waited for.
const within = 30 * time.Second

var compiled = sync.OnceValues(func() (*component.Runtime, error) {
	file, err := os.ReadFile(filepath.Join(root, "dist", "components", "portcullis.wasm"))
	if err != nil {
		return nil, fmt.Errorf("make dist builds it: %w", err)
	}
	return component.Load(context.Background(), file, "")
})

func runtimeOf(t testing.TB) *component.Runtime {
	t.Helper()
	runtime, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

// logged is what a gate has logged.
type logged struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (l *logged) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *logged) has(words string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Contains(l.text.String(), words)
}

func encoded(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// key is a key of number so and so.
func key(number byte) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte{number})
	return ed25519.NewKeyFromSeed(seed[:])
}

func jwk(number byte) map[string]any {
	public := key(number).Public().(ed25519.PublicKey)
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)}
}

// jwks is a key set with one key, whose identifier is its number.
func jwks(number byte) string {
	one := jwk(number)
	one["kid"] = fmt.Sprint(number)
	text, _ := json.Marshal(map[string]any{"keys": []any{one}})
	return string(text)
}

func signed(number byte, header, claims map[string]any) string {
	header["alg"] = "EdDSA"
	text := encoded(header) + "." + encoded(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key(number), []byte(text)))
}

// token is an access token of alice's, signed with a key.
func token(number byte, more map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": "https://idp.example", "aud": "https://api.example", "sub": "alice", "client_id": "app", "jti": "t1",
		"iat": now - 10, "exp": now + 3_600,
	}
	for name, value := range more {
		claims[name] = value
	}
	return signed(number, map[string]any{"typ": "at+jwt", "kid": fmt.Sprint(number)}, claims)
}

func get(path string, headers ...Field) *Request {
	if headers == nil {
		headers = []Field{}
	}
	return &Request{Method: "GET", URL: "https://api.example" + path, Headers: headers}
}

func bearer(token string) Field { return Field{"Authorization", "Bearer " + token} }

// policyOf is a policy whose issuer has keys at a URL.
func policyOf(keys string, more string) string {
	return fmt.Sprintf(`
origins = ["https://api.example"]

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = %q
%s

[[rules]]
path = "/reports/{id}"
require = {}

[[rules]]
path = "/health"
anonymous = true
`, keys, more)
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	// Replaced at once, so that nobody reads half of it; and never within the same instant, so that its time tells.
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// server serves what it is told to, and counts.
type server struct {
	*httptest.Server
	asked atomic.Int64
	// serve is told by tests.
	serve atomic.Pointer[http.HandlerFunc]
}

func serving(t testing.TB, text string) *server {
	t.Helper()
	s := &server{}
	s.tell(text)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.serve.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) tell(text string) {
	s.do(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
}

func (s *server) do(serve http.HandlerFunc) { s.serve.Store(&serve) }

// opened is a gate with a policy.
func opened(t testing.TB, policy string, instances int, log *logged) *Gate {
	t.Helper()
	return opening(t, Open, policy, instances, log)
}

// quiet is one that does nothing of itself, with one instance.
func quiet(t testing.TB, policy string) *Gate {
	t.Helper()
	return opening(t, open, policy, 1, nil)
}

func opening(t testing.TB, open func(context.Context, Options) (*Gate, error), policy string, instances int, log *logged) *Gate {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "policy.toml"), policy)
	options := Options{
		Component: runtimeOf(t), Policy: path, Instances: instances,
		Fetcher: documents.NewFetcher(documents.Options{Folder: filepath.Dir(path)}),
	}
	if log != nil {
		options.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	gate, err := open(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gate.Close)
	return gate
}

func check(t testing.TB, gate *Gate, request *Request) *Decision {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	decision, err := gate.Check(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	return decision
}

// until waits for something to be so.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	for !so() {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, within)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
