package controller

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const registryPolicy = `
origins = ["https://registry.example"]

[[issuers]]
name = "ci"
issuer = "https://ci.example"
profile = "jwt"
audience = ["https://registry.example"]
keys = "file:jwks.json"

[registry]
services = ["registry.example"]
realm = "https://tokens.example/token"
users = "file:htpasswd"

[[registry.grants]]
name = "public"
anonymous = true
repositories = ["public/{name...}"]
actions = ["pull"]

[[registry.grants]]
issuers = ["ci"]
require = { claims = { repository = "acme/app" } }
repositories = ["acme/app"]
actions = ["pull", "push"]

[[registry.grants]]
users = ["alice"]
repositories = ["{name...}"]
actions = ["*"]
catalog = true
`

// job is the token of a job of a repository.
func job(repository string) string {
	encode := func(value any) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now().Unix()
	text := encode(map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": "a"}) + "." + encode(map[string]any{
		"iss": "https://ci.example", "aud": "https://registry.example", "sub": "repo:" + repository, "repository": repository,
		"iat": now - 10, "exp": now + 3_600,
	})
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(signer, []byte(text)))
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestARegistrysPolicy(t *testing.T) {
	config := configured(t, registryPolicy, nil)
	users := filepath.Join(filepath.Dir(config.Auth.Parameters()["policy"].(string)), "htpasswd")
	signUp := func(password string) {
		t.Helper()
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		next := users + ".next"
		if err := os.WriteFile(next, []byte("alice:"+string(hash)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, users); err != nil {
			t.Fatal(err)
		}
	}
	signUp("wonderland")
	server := serving(t, config)
	challenge := func(scope string) string {
		return `Bearer realm="https://tokens.example/token", service="registry.example"` + scope
	}
	push := `, scope="repository:acme/app:pull,push"`
	for _, one := range []struct {
		method, target, credential string
		status                     int
		challenge, body            string
	}{
		{"GET", "/v2/", "", 401, challenge(""), "UNAUTHORIZED"},
		{"GET", "/v2/", "Bearer " + job("acme/app"), 200, "", "{}"},
		{"GET", "/v2/", basic("alice", "wonderland"), 200, "", "{}"},
		{"GET", "/v2/", basic("alice", "other"), 401, "", "UNAUTHORIZED"},
		{"GET", "/v2/public/app/tags/list", "", 404, "", "NAME_UNKNOWN"},
		{"POST", "/v2/acme/app/blobs/uploads/", "", 401, challenge(push), "UNAUTHORIZED"},
		{"POST", "/v2/acme/app/blobs/uploads/", "Bearer " + job("acme/app"), 202, "", ""},
		{"POST", "/v2/acme/app/blobs/uploads/", basic("job", job("acme/app")), 202, "", ""},
		{"POST", "/v2/acme/app/blobs/uploads/", "Bearer " + job("acme/other"), 403, "", "DENIED"},
		{"POST", "/v2/acme/other/blobs/uploads/", "Bearer " + job("acme/app"), 403, "", "DENIED"},
		{"DELETE", "/v2/acme/app/manifests/latest", "Bearer " + job("acme/app"), 403, "", "DENIED"},
		{"GET", "/v2/_catalog", "Bearer " + job("acme/app"), 403, "", "DENIED"},
		{"GET", "/v2/_catalog", basic("alice", "wonderland"), 200, "", `"repositories"`},
		{"PURGE", "/v2/acme/app/manifests/latest", "Bearer " + job("acme/app"), 405, "", "UNSUPPORTED"},
	} {
		answer := ask(t, server, one.method, one.target, map[string][]string{"Authorization": {one.credential}}, nil)
		if one.credential == "" {
			answer = ask(t, server, one.method, one.target, nil, nil)
		}
		if answer.StatusCode != one.status || one.challenge != "" && answer.Header.Get("WWW-Authenticate") != one.challenge ||
			!strings.Contains(answer.text, one.body) {
			t.Errorf("%s %s %.20s: %s %v %s", one.method, one.target, one.credential, answer.Status, answer.Header, answer.text)
		}
	}

	// A new password counts without a new start, and the old one no more.
	signUp("looking glass")
	end := time.Now().Add(30 * time.Second)
	for ask(t, server, "GET", "/v2/", with(basic("alice", "looking glass")), nil).StatusCode != 200 {
		if time.Now().After(end) {
			t.Fatal("the new password does not count")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if answer := ask(t, server, "GET", "/v2/", with(basic("alice", "wonderland")), nil); answer.StatusCode != 401 {
		t.Errorf("the old password: %s", answer.Status)
	}
}
