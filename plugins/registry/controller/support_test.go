package controller

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/auth"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/sirupsen/logrus"

	"portcullis.example/registry/gate"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	code := m.Run()
	if folder, err := compiledCode(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

var built = filepath.Join("..", "..", "..", "dist", "components", "portcullis.wasm")

// compiledCode is where compiled code is kept for the tests of one run.
var compiledCode = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "portcullis") })

var signer = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func jwks() string {
	public := base64.RawURLEncoding.EncodeToString(signer.Public().(ed25519.PublicKey))
	return fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, public)
}

// bearer is a token of alice's with scopes.
func bearer(scope string) string {
	encode := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now().Unix()
	text := encode(map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "a"}) + "." + encode(map[string]any{
		"iss": "https://idp.example", "aud": "https://registry.example", "sub": "alice", "client_id": "app", "jti": "t1",
		"iat": now - 10, "exp": now + 3_600, "scope": scope,
	})
	return "Bearer " + text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(signer, []byte(text)))
}

const rules = `
origins = ["https://registry.example"]

[[issuers]]
name = "corp"
issuer = "https://idp.example"
keys = %q
audience = ["https://registry.example"]

[[rules]]
path = "/v2/public/{rest...}"
methods = ["GET", "HEAD"]
anonymous = true

[[rules]]
path = "/v2/acme/{rest...}"
require = { scope = ["push"] }

[[rules]]
path = "/v2/{rest...}"
methods = ["GET", "HEAD"]
require = { scope = ["read"] }

[[rules]]
path = "/v2/"
require = {}
`

// configured is a registry's configuration with the plugin.
func configured(t testing.TB, policy string, more map[string]any) *configuration.Configuration {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"policy.toml": policy, "jwks.json": jwks()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := compiledCode()
	if err != nil {
		t.Fatal(err)
	}
	parameters := configuration.Parameters{
		"policy": filepath.Join(folder, "policy.toml"), "component": built, "cache": cache, "instances": 2,
		"origin": "https://registry.example",
	}
	for name, value := range more {
		parameters[name] = value
	}
	return plain(configuration.Auth{Name: parameters})
}

func plain(auth configuration.Auth) *configuration.Configuration {
	config := &configuration.Configuration{Auth: auth}
	config.Storage = configuration.Storage{
		"inmemory": configuration.Parameters{}, "delete": configuration.Parameters{"enabled": true},
		"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
	}
	config.Catalog.MaxEntries = 100
	return config
}

// serving is a registry that serves, with the middleware as the registry applies it.
func serving(t testing.TB, config *configuration.Configuration) *httptest.Server {
	t.Helper()
	app := handlers.NewApp(context.Background(), config)
	server := httptest.NewServer(middleware(config, app))
	t.Cleanup(server.Close)
	return server
}

// answered is an answer, read to its end.
type answered struct {
	*http.Response
	text string
}

func ask(t testing.TB, server *httptest.Server, method, target string, header http.Header, body []byte) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, server.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := request.URL.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	request.URL = parsed
	for name, values := range header {
		request.Header[name] = values
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer, string(text)}
}

func with(credential string) http.Header { return http.Header{"Authorization": {credential}} }

// push uploads a blob whole, and gives its digest.
func push(t testing.TB, server *httptest.Server, name, content string) string {
	t.Helper()
	begun := ask(t, server, "POST", "/v2/"+name+"/blobs/uploads/", with(bearer("push read")), nil)
	if begun.StatusCode != http.StatusAccepted {
		t.Fatalf("%s %s", begun.Status, begun.text)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
	header := with(bearer("push read"))
	header.Set("Content-Type", "application/octet-stream")
	ended := ask(t, server, "PUT", begun.Header.Get("Location")+"&digest="+digest, header, []byte(content))
	if ended.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", ended.Status, ended.text)
	}
	return digest
}

// scripted is a judge that tests tell what to say.
type scripted struct {
	check func(*gate.Request) (*gate.Decision, error)
	ask   func(op string, result any) error
}

func (s *scripted) Check(_ context.Context, request *gate.Request) (*gate.Decision, error) {
	return s.check(request)
}

func (s *scripted) Ask(_ context.Context, request, result any) error {
	if _, is := request.(required); is {
		return s.ask("oci.required", result)
	}
	return s.ask("oci.allows", result)
}

var theJudge sync.Map

func init() {
	_ = auth.Register("scripted", func(parameters map[string]any) (auth.AccessController, error) {
		one, _ := theJudge.Load(parameters["name"])
		return one.(auth.AccessController), nil
	})
}

// judged is a registry whose judge is scripted.
func judged(t testing.TB, judge *scripted, origin string) http.Handler {
	t.Helper()
	controller := &Controller{judge, origin, discarding, func() {}}
	theJudge.Store(t.Name(), controller)
	return handlers.NewApp(context.Background(), plain(configuration.Auth{"scripted": configuration.Parameters{"name": t.Name()}}))
}
