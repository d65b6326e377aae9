package registrytests

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// wrong is a request that is answered with one of some statuses, and with an error that has the code.
type wrong struct {
	name, method, target string
	header               http.Header
	body                 string
	statuses             []int
	code, reason         string
}

// asked sends what is wrong, and looks at the answer: its form, and that it tells nothing.
func (w *world) asked(t *testing.T, origin string, one wrong) {
	t.Helper()
	if one.method == "" {
		one.method = "GET"
	}
	got := ask(t, one.method, origin+one.target, one.header, one.body)
	is := false
	for _, status := range one.statuses {
		is = is || got.status == status
	}
	if !is {
		t.Errorf("%s: wanted %v, got %d %.300s", one.name, one.statuses, got.status, got.body)
		return
	}
	if one.method != "HEAD" && one.code != "" {
		told := read[struct {
			Errors []struct {
				Code, Message string
				Detail        struct{ Reason string }
			}
		}](t, got.body)
		if len(told.Errors) != 1 || told.Errors[0].Code != one.code || told.Errors[0].Message == "" || told.Errors[0].Detail.Reason != one.reason {
			t.Errorf("%s: wanted %s and %s, got %s", one.name, one.code, one.reason, got.body)
		}
		if media := got.header.Get("Content-Type"); media != "application/json" {
			t.Errorf("%s: it is %s", one.name, media)
		}
	}
	text := got.body + fmt.Sprint(got.header)
	secrets := []string{w.folder, "127.0.0.1", fmt.Sprint(w.registryPort), "jwks", "/keys", "bob", "looking glass", "wonderland", "panic", "goroutine"}
	if w.tokensServer != nil {
		secrets = append(secrets, fmt.Sprint(w.tokensPort), kid(w.token(t, basic("alice", "wonderland"), "").Token))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s: the answer tells %q: %s", one.name, secret, text)
		}
	}
}

// forged is a token for everything in one repository, signed with a key of which the token service knows nothing but, perhaps, the name.
func forged(t *testing.T, w *world, name string) string {
	return newKey(t, name).sign(t, "JWT", w.claims(service))
}

// signed is one that the token service's own key signed, which the test takes from its folder.
func signed(t *testing.T, w *world, typ, audience string) string {
	t.Helper()
	files, err := filepath.Glob(w.path("keys") + "/[0-9]*.pem")
	must(t, err)
	block, _ := pem.Decode([]byte(contents(t, files[0])))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	own := &key{parsed.(*ecdsa.PrivateKey), kid(w.token(t, basic("alice", "wonderland"), "").Token)}
	return own.sign(t, typ, w.claims(audience))
}

// claims are those of a registry token for everything in one repository.
func (w *world) claims(audience string) map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": w.tokensURL(), "aud": audience, "sub": "alice", "iat": now, "nbf": now, "exp": now + 300, "jti": "x",
		"access": []any{map[string]any{"type": "repository", "name": "acme/app", "actions": []string{"*"}}},
	}
}

func TestTheTokenServiceRefusesWhatIsMalformed(t *testing.T) {
	w := newWorld(t, plugin, setup{})
	good := w.token(t, basic("alice", "wonderland"), "repository:acme/app:pull").Token
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	many := func(separator string) string {
		all := make([]string, 1_001)
		for at := range all {
			all[at] = fmt.Sprintf("repository:a/%d:pull", at)
		}
		return strings.Join(all, separator)
	}
	query := func(more string) string { return "/token?service=" + service + "&" + more }
	for _, one := range []wrong{
		{name: "a scope without actions", target: query("scope=repository:a"), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.scope_parts"},
		{name: "a name in capitals", target: query("scope=repository:a/B:pull"), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.scope_name"},
		{name: "a scope with two spaces", target: query("scope=repository:a:pull++repository:b:pull"), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.scope_spacing"},
		{name: "an escape that is none", target: query("scope=repository%3"), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.query_malformed"},
		{name: "1,001 resources", target: query("scope=" + many("+")), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.scope_too_large"},
		{name: "1,001 scopes", target: query("scope=" + many("&scope=")), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.scope_too_large"},
		{name: "an unknown service", target: "/token?service=other.example", statuses: []int{400}, code: "UNSUPPORTED", reason: "registry.service_unknown"},
		{name: "two services", target: query("service=" + service), statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.parameter_repeated"},
		{name: "another path", target: "/tokens", statuses: []int{404}, code: "UNSUPPORTED", reason: "registry.path_unknown"},
		{name: "the registry's path", target: "/v2/", statuses: []int{404}, code: "UNSUPPORTED", reason: "registry.path_unknown"},
		{name: "another method", method: "DELETE", target: "/token", statuses: []int{405}, code: "UNSUPPORTED", reason: "registry.method_unknown"},
		{name: "no form", method: "POST", target: "/token", statuses: []int{400}, code: "UNSUPPORTED", reason: "registry.form_missing"},
		{name: "an unknown grant", method: "POST", target: "/token", header: form, body: "grant_type=authorization_code", statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.grant_type"},
		{name: "half a grant", method: "POST", target: "/token", header: form, body: "grant_type=password", statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.parameter_missing"},
		{name: "a form that is too long", method: "POST", target: "/token", header: form, body: "grant_type=password&x=" + strings.Repeat("x", 400<<10), statuses: []int{400, 413}, code: "UNSUPPORTED", reason: "oci.form_too_large"},
		{name: "a refresh token that is none", method: "POST", target: "/token", header: form, body: refreshed("x.y.z", "").Encode(), statuses: []int{400, 401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "an access token for a refresh token", method: "POST", target: "/token", header: form, body: refreshed(good, "").Encode(), statuses: []int{400, 401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "its own token", target: query("scope=repository:acme/app:pull"), header: credential("Bearer " + good), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "a forged kid", target: query(""), header: credential("Bearer " + forged(t, w, kid(good))), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "a wrong password", target: query(""), header: credential(basic("alice", "x")), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "nobody", target: query(""), header: credential(basic("nobody", "x")), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
		{name: "Basic that is none", target: query(""), header: credential("Basic %%%"), statuses: []int{401}, code: "UNAUTHORIZED", reason: "credential.malformed"},
		{name: "a header of 64 KiB", target: query(""), header: credential("Bearer " + strings.Repeat("x", 64<<10)), statuses: []int{401}, code: "UNAUTHORIZED", reason: "token.opaque"},
		{name: "a header of 300 KiB", target: query(""), header: credential("Bearer " + strings.Repeat("x", 300<<10)), statuses: []int{400}, code: "UNSUPPORTED", reason: "request.too_large"},
		{name: "a cookie of 300 KiB", target: query(""), header: http.Header{"Cookie": {strings.Repeat("x", 300<<10)}}, statuses: []int{401}, code: "UNAUTHORIZED", reason: "registry.anonymous_nothing"},
	} {
		t.Run(one.name, func(t *testing.T) { w.asked(t, w.tokensURL(), one) })
	}
	w.isWell(t)
}

func TestTheRegistryRefusesWhatIsMalformed(t *testing.T) {
	for _, of := range []subject{plugin, alone} {
		t.Run(of.name, func(t *testing.T) {
			w := newWorld(t, of, setup{})
			alices := credential(basic("alice", "wonderland"))
			form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			tags := "/v2/acme/app/tags/list"
			cases := []wrong{
				// The registry's own router answers before anybody is asked who it is.
				{name: "a name in capitals", target: "/v2/acme/App/tags/list", header: alices, statuses: []int{404}},
				{name: "two slashes", target: "/v2/acme//tags/list", header: alices, statuses: []int{301, 400}},
				{name: "a slash that is escaped", target: "/v2/acme%2Fapp/tags/list", header: alices, statuses: []int{400}, code: "UNSUPPORTED", reason: "request.path_ambiguous"},
				{name: "another method", method: "PURGE", target: tags, header: alices, statuses: []int{405}, code: "UNSUPPORTED", reason: "oci.method_unknown"},
				{name: "two sources of a mount", method: "POST", target: "/v2/acme/app/blobs/uploads/?from=a&from=b", header: alices, statuses: []int{400}, code: "UNSUPPORTED", reason: "oci.from_repeated"},
				{name: "no credential", target: tags, statuses: []int{401}, code: "UNAUTHORIZED", reason: "credential.missing"},
				{name: "a wrong password", target: tags, header: credential(basic("alice", "x")), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
				{name: "a token that is none", target: tags, header: credential("Bearer x.y.z"), statuses: []int{401}, code: "UNAUTHORIZED", reason: "token.opaque"},
				{name: "a scheme that is none", target: tags, header: credential("Negotiate x"), statuses: []int{401}, code: "UNAUTHORIZED", reason: "credential.scheme_unsupported"},
				{name: "two credentials", target: tags, header: http.Header{"Authorization": {alices.Get("Authorization"), "Bearer x"}}, statuses: []int{400}, code: "UNSUPPORTED", reason: "request.header_repeated"},
				{name: "a header of 64 KiB", target: tags, header: credential("Bearer " + strings.Repeat("x", 64<<10)), statuses: []int{401}, code: "UNAUTHORIZED", reason: "token.opaque"},
				{name: "a header of 300 KiB", target: tags, header: credential("Bearer " + strings.Repeat("x", 300<<10)), statuses: []int{400}, code: "UNSUPPORTED", reason: "request.too_large"},
				{name: "another path without a credential", target: "/v2/acme/app/others", statuses: []int{404}},
				{name: "a mount in a form", method: "POST", target: "/v2/acme/app/blobs/uploads/", header: form, body: "from=a&mount=b", statuses: []int{400, 401, 415}},
			}
			if of.tokenService {
				good := w.token(t, basic("alice", "wonderland"), "repository:acme/app:pull").Token
				cases = append(cases,
					wrong{name: "a forged kid", target: tags, header: credential("Bearer " + forged(t, w, kid(good))), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
					wrong{name: "an unknown kid", target: tags, header: credential("Bearer " + forged(t, w, "elsewhere")), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
					wrong{name: "a wrong audience", target: tags, header: credential("Bearer " + signed(t, w, "JWT", "other.example")), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
					wrong{name: "another type", target: tags, header: credential("Bearer " + signed(t, w, "at+jwt", service)), statuses: []int{401}, code: "UNAUTHORIZED", reason: "invalid_token"},
					wrong{name: "nothing wrong", target: tags, header: credential("Bearer " + signed(t, w, "JWT", service)), statuses: []int{404}},
					wrong{name: "too little scope", method: "POST", target: "/v2/acme/app/blobs/uploads/", header: credential("Bearer " + good), statuses: []int{401}, code: "UNAUTHORIZED", reason: "oci.action_not_granted"},
				)
			}
			for _, one := range cases {
				t.Run(one.name, func(t *testing.T) { w.asked(t, w.registryURL(), one) })
			}
			w.isWell(t)
		})
	}
}

// A registry reads where a blob is mounted from in a form, too: what is asked there needs its grant, or is refused.
func TestABlobIsNotMountedByAForm(t *testing.T) {
	const more = `
[[registry.grants]]
users = ["bob"]
repositories = ["bob/{name...}"]
actions = ["pull", "push"]
`
	each(t, everyOne, setup{policy: more}, func(t *testing.T, w *world, of subject) {
		image := newImage(t)
		alice(t, w, crane).does(crane.push(image, w.reference("acme/secret:v1")))
		authorization := basic("bob", "looking glass")
		if of.tokenService {
			authorization = "Bearer " + w.token(t, authorization, "repository:bob/app:pull,push").Token
		}
		body := url.Values{"from": {"acme/secret"}, "mount": {image.blobs[0]}}.Encode()
		for _, media := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=utf-8"} {
			header := http.Header{"Authorization": {authorization}, "Content-Type": {media}}
			got := ask(t, "POST", w.registryURL()+"/v2/bob/app/blobs/uploads/", header, body)
			if got.status != 202 && got.status < 400 {
				t.Errorf("%s: %v", media, got)
			}
			got = ask(t, "HEAD", w.registryURL()+"/v2/bob/app/blobs/"+image.blobs[0], credential(authorization), "")
			if got.status != 404 {
				t.Fatalf("the blob is there: %v", got)
			}
		}
	})
}

// A flood of wrong passwords is refused, or told to come later. Those who have tokens notice nothing.
func TestAFloodOfWrongPasswordsHarmsNobody(t *testing.T) {
	w := newWorld(t, plugin, setup{})
	token := w.token(t, basic("alice", "wonderland"), "repository:acme/app:pull").Token
	statuses := map[int]int{}
	var mutex sync.Mutex
	var flood sync.WaitGroup
	for range 32 {
		flood.Go(func() {
			for number := range 20 {
				got := w.asksForToken(t, basic("alice", fmt.Sprint("wrong", number)), "")
				mutex.Lock()
				statuses[got.status]++
				mutex.Unlock()
			}
		})
	}
	ended := make(chan struct{})
	go func() { flood.Wait(); close(ended) }()
	for good := 0; ; good++ {
		got := ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential("Bearer "+token), "")
		if got.status != 404 {
			t.Errorf("a good token: %v", got)
			break
		}
		select {
		case <-ended:
		default:
			continue
		}
		break
	}
	<-ended
	if statuses[401] == 0 || statuses[401]+statuses[429] != 32*20 {
		t.Errorf("answers: %v", statuses)
	}
	w.isWell(t)
}
