package registrytests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// browser is the test's own client. It follows nothing, and takes as long as anything may.
var browser = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask sends a request that has to be answered.
func ask(t *testing.T, method, target string, header http.Header, body string) answer {
	t.Helper()
	return askWith(t, browser, method, target, header, body)
}

func askWith(t *testing.T, with *http.Client, method, target string, header http.Header, body string) answer {
	t.Helper()
	request, err := http.NewRequest(method, target, strings.NewReader(body))
	must(t, err)
	for name, values := range header {
		request.Header[name] = values
		if name == "Host" {
			request.Host = values[0]
		}
	}
	got, err := with.Do(request)
	must(t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	must(t, err)
	return answer{got.StatusCode, got.Header, string(text)}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func credential(is string) http.Header {
	if is == "" {
		return nil
	}
	return http.Header{"Authorization": {is}}
}

// handedOut is what the token service answers.
type handedOut struct {
	Token        string `json:"token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
}

// token fetches a token for a scope, which has to be given, with a credential or without.
func (w *world) token(t *testing.T, with, scope string) handedOut {
	t.Helper()
	got := w.asksForToken(t, with, scope)
	if got.status != 200 {
		t.Fatalf("no token for %q: %v", scope, got)
	}
	return read[handedOut](t, got.body)
}

// asksForToken asks for a token, with more parameters than the scope where there are.
func (w *world) asksForToken(t *testing.T, with, scope string) answer {
	t.Helper()
	return ask(t, "GET", w.realm()+"?"+url.Values{"service": {service}, "scope": {scope}}.Encode(), credential(with), "")
}

// tokenOfThePast is a token of this token service that a user had half an hour ago, and that is long over: one that a host with the
// same keys signed whose clock is behind.
func (w *world) tokenOfThePast(t *testing.T, with, scope string) string {
	t.Helper()
	port := freePort(t)
	behind := start(t, clocked(t, w.tokensCommand("past.toml", port), time.Now().Add(-30*time.Minute)), port)
	defer behind.end()
	target := fmt.Sprintf("http://127.0.0.1:%d/token?%s", port, url.Values{"service": {service}, "scope": {scope}}.Encode())
	header := credential(with)
	header.Set("Host", w.tokens.host())
	got := ask(t, "GET", target, header, "")
	if got.status != 200 {
		t.Fatalf("no token of the past: %v", got)
	}
	return read[handedOut](t, got.body).Token
}

// posts sends a form to the token service.
func (w *world) posts(t *testing.T, form url.Values) answer {
	t.Helper()
	return ask(t, "POST", w.realm(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

func read[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// kid is the key that a token, or a credential with one, says it is signed with.
func kid(token string) string {
	header, _, _ := strings.Cut(token[strings.LastIndex(token, " ")+1:], ".")
	text, _ := base64.RawURLEncoding.DecodeString(header)
	var is struct{ Kid string }
	_ = json.Unmarshal(text, &is)
	return is.Kid
}

// key signs what issuers of the tests hand out, with ES256.
type key struct {
	*ecdsa.PrivateKey
	kid string
}

func newKey(t *testing.T, kid string) *key {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &key{made, kid}
}

// jwk is the public key, with a use where one is given.
func (k *key) jwk(t *testing.T, use string) map[string]any {
	t.Helper()
	point, err := k.PublicKey.Bytes()
	must(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]any{"kty": "EC", "crv": "P-256", "kid": k.kid, "use": use, "x": encode(point[1:33]), "y": encode(point[33:])}
}

// sign is a compact JWS of claims.
func (k *key) sign(t *testing.T, typ string, claims map[string]any) string {
	t.Helper()
	encode := func(value any) string {
		text, err := json.Marshal(value)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := encode(map[string]any{"alg": "ES256", "kid": k.kid, "typ": typ}) + "." + encode(claims)
	hash := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, hash[:])
	must(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// claims are those of a credential that is good for an hour, with more of them.
func claims(issuer, subject string, audience any, more map[string]any) map[string]any {
	now := time.Now().Unix()
	all := map[string]any{"iss": issuer, "sub": subject, "aud": audience, "iat": now - 10, "exp": now + 3_600}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return string(text)
}
