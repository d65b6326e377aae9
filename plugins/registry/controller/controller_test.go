package controller

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/auth"
	"github.com/distribution/distribution/v3/registry/handlers"

	"portcullis.example/registry/component"
	"portcullis.example/registry/documents"
	"portcullis.example/registry/gate"
)

var discarding = slog.New(slog.DiscardHandler)

const unavailableBody = `{"errors":[{"code":"UNAVAILABLE","message":"service unavailable"}]}`

func policy() string { return fmt.Sprintf(rules, "file:jwks.json") }

func TestWhatTheGateAllowsIsServed(t *testing.T) {
	server := serving(t, configured(t, policy(), nil))
	content := strings.Repeat("a layer of some size. ", 10_000)
	digest := push(t, server, "acme/app", content)
	pulled := ask(t, server, "GET", "/v2/acme/app/blobs/"+digest, with(bearer("push")), nil)
	if pulled.StatusCode != 200 || pulled.text != content || pulled.Header.Get("Docker-Content-Digest") != digest {
		t.Fatalf("%s, %d bytes", pulled.Status, len(pulled.text))
	}
	if head := ask(t, server, "HEAD", "/v2/acme/app/blobs/"+digest, with(bearer("push")), nil); head.StatusCode != 200 || head.ContentLength != int64(len(content)) {
		t.Errorf("%s %d", head.Status, head.ContentLength)
	}
	header := with(bearer("push"))
	header.Set("Range", "bytes=2-8")
	if part := ask(t, server, "GET", "/v2/acme/app/blobs/"+digest, header, nil); part.StatusCode != 206 || part.text != content[2:9] {
		t.Errorf("%s %q", part.Status, part.text)
	}
	if base := ask(t, server, "GET", "/v2/", with(bearer("")), nil); base.StatusCode != 200 || base.text != "{}" {
		t.Errorf("%s %s", base.Status, base.text)
	}
	// What is not there is the registry's to say.
	if none := ask(t, server, "GET", "/v2/public/none/tags/list", nil, nil); none.StatusCode != 404 || !strings.Contains(none.text, "NAME_UNKNOWN") {
		t.Errorf("%s %s", none.Status, none.text)
	}
}

func TestADenialReachesTheClientAsItWasDecided(t *testing.T) {
	config := configured(t, policy(), nil)
	server := serving(t, config)
	parameters := config.Auth.Parameters()
	file, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := component.Load(context.Background(), file, parameters["cache"].(string))
	if err != nil {
		t.Fatal(err)
	}
	path := parameters["policy"].(string)
	judge, err := gate.Open(context.Background(), gate.Options{
		Component: runtime, Policy: path, Instances: 1, Fetcher: documents.NewFetcher(documents.Options{Folder: filepath.Dir(path)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer judge.Close()
	for _, one := range []struct {
		method, target, credential string
		status                     int
	}{
		{"GET", "/v2/", "", 401},
		{"GET", "/v2/acme/app/tags/list", "", 401},
		{"HEAD", "/v2/acme/app/manifests/latest", "", 401},
		{"GET", "/v2/acme/app/tags/list", "Bearer x.y.z", 401},
		{"GET", "/v2/acme/app/tags/list", bearer("read")[:80], 401},
		{"GET", "/v2/acme/app/tags/list", bearer("read"), 403},
		{"HEAD", "/v2/acme/app/tags/list", bearer("read"), 403},
		{"POST", "/v2/other/blobs/uploads/", bearer("read"), 403},
		{"GET", "/v2/acme%2Fapp/tags/list", bearer("push"), 400},
		{"HEAD", "/v2/acme%2Fapp/tags/list", bearer("push"), 400},
		{"GET", "/v2/acme/app/tags/list", "Bearer " + strings.Repeat("a", 64*1024), 401},
	} {
		request := &gate.Request{Method: one.method, URL: "https://registry.example" + one.target, Headers: []gate.Field{}}
		header := http.Header{}
		if one.credential != "" {
			header = with(one.credential)
			request.Headers = append(request.Headers, gate.Field{"Authorization", one.credential})
		}
		decided, err := judge.Check(context.Background(), request)
		if err != nil || decided.Allows() || decided.Status != one.status {
			t.Fatalf("%s %s: %+v %v", one.method, one.target, decided, err)
		}
		answer := ask(t, server, one.method, one.target, header, nil)
		body := decided.Body
		if one.method == "HEAD" {
			body = ""
		}
		if answer.StatusCode != decided.Status || answer.text != body || answer.ContentLength != int64(len(decided.Body)) {
			t.Errorf("%s %s: %s %q, not %+v", one.method, one.target, answer.Status, answer.text, decided)
		}
		wanted := http.Header{}
		for _, field := range decided.Headers {
			wanted.Add(field[0], field[1])
		}
		for _, unasked := range []string{"Date", "Content-Length", "Docker-Distribution-Api-Version"} {
			answer.Header.Del(unasked)
		}
		if !reflect.DeepEqual(answer.Header, wanted) {
			t.Errorf("%s %s: %v, not %v", one.method, one.target, answer.Header, wanted)
		}
	}
	// It goes on.
	if base := ask(t, server, "GET", "/v2/", with(bearer("")), nil); base.StatusCode != 200 {
		t.Errorf("%s", base.Status)
	}
}

func TestKeysOutOfReachAreNobodysFault(t *testing.T) {
	server := serving(t, configured(t, fmt.Sprintf(rules, "file:none.json"), nil))
	answer := ask(t, server, "GET", "/v2/", with(bearer("")), nil)
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || strings.Contains(answer.text, "none.json") {
		t.Errorf("%s %v %s", answer.Status, answer.Header, answer.text)
	}
}

func TestAccessThatWasNotJudgedIsDenied(t *testing.T) {
	server := serving(t, configured(t, policy(), nil))
	digest := push(t, server, "acme/secret", "a secret")
	mount := "/v2/acme/app/blobs/uploads/?mount=" + digest + "&from=acme/secret"
	if mounted := ask(t, server, "POST", mount, with(bearer("push")), nil); mounted.StatusCode != http.StatusCreated {
		t.Errorf("%s %s", mounted.Status, mounted.text)
	}
	// The registry reads the form in the body, too, and takes it first. The gate has judged the query.
	header := with(bearer("push"))
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := ask(t, server, "POST", "/v2/acme/other/blobs/uploads/?mount="+digest+"&from=acme/app", header, []byte("from=acme/secret"))
	if answer.StatusCode != 403 || !strings.Contains(answer.text, `"DENIED"`) || strings.Contains(answer.text, "secret") {
		t.Errorf("%s %s", answer.Status, answer.text)
	}
}

func allowing(*gate.Request) (*gate.Decision, error) {
	return &gate.Decision{Outcome: "allow", Status: 200, Principal: &gate.Principal{Subject: "alice"}}, nil
}

func pulling(op string, result any) error {
	if op == "oci.required" {
		reflect.ValueOf(result).Elem().Field(0).Set(reflect.ValueOf([]access{{"repository", "", "acme/app", []string{"pull"}}}))
		return nil
	}
	return &gate.Refusal{Code: "oci.insufficient", Detail: "no"}
}

func TestEveryFailureDenies(t *testing.T) {
	failing := errors.New("the component failed")
	refusing := &gate.Refusal{Code: "oci.path_unknown", Detail: "no"}
	denied := `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`
	for what, one := range map[string]struct {
		judge  scripted
		status int
		body   string
	}{
		"the component fails":           {scripted{func(*gate.Request) (*gate.Decision, error) { return nil, failing }, nil}, 503, unavailableBody},
		"the gate refuses":              {scripted{func(*gate.Request) (*gate.Decision, error) { return nil, refusing }, nil}, 503, unavailableBody},
		"the plugin panics":             {scripted{func(*gate.Request) (*gate.Decision, error) { panic("on purpose") }, nil}, 503, unavailableBody},
		"there is no decision":          {scripted{func(*gate.Request) (*gate.Decision, error) { return nil, nil }, pulling}, 503, unavailableBody},
		"what is judged cannot be told": {scripted{allowing, func(string, any) error { return failing }}, 503, unavailableBody},
		"what is judged is nothing":     {scripted{allowing, func(string, any) error { return refusing }}, 403, denied},
		"what is judged is less": {scripted{allowing, func(op string, _ any) error {
			if op == "oci.required" {
				return nil
			}
			return refusing
		}}, 403, denied},
		"what is judged panics": {scripted{allowing, func(string, any) error { panic("on purpose") }}, 503, unavailableBody},
		"the comparison fails": {scripted{allowing, func(op string, _ any) error {
			if op == "oci.required" {
				return nil
			}
			return failing
		}}, 503, unavailableBody},
	} {
		app := judged(t, &one.judge, "")
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			server := httptest.NewServer(Handler(app, ""))
			answer := ask(t, server, method, "/v2/acme/app/manifests/latest", nil, nil)
			body := one.body
			if method == "HEAD" {
				body = ""
			}
			if answer.StatusCode != one.status || answer.text != body || answer.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s, %s: %s %v %s", what, method, answer.Status, answer.Header, answer.text)
			}
			if (answer.Header.Get("Retry-After") != "") != (one.status == 503) {
				t.Errorf("%s, %s: %v", what, method, answer.Header)
			}
			server.Close()
		}
	}
	// An outcome that is not known is none.
	odd := judged(t, &scripted{func(*gate.Request) (*gate.Decision, error) {
		return &gate.Decision{Outcome: "Allow", Status: 403}, nil
	}, pulling}, "")
	server := httptest.NewServer(Handler(odd, ""))
	defer server.Close()
	if answer := ask(t, server, "GET", "/v2/acme/app/manifests/latest", nil, nil); answer.StatusCode != 403 {
		t.Errorf("%s", answer.Status)
	}
}

func TestWithoutTheMiddlewareADenialIsAChallenge(t *testing.T) {
	judge := &scripted{func(*gate.Request) (*gate.Decision, error) {
		return &gate.Decision{Outcome: "deny", Status: 403, Body: "x", Headers: []gate.Field{
			{"WWW-Authenticate", `Bearer realm="https://tokens.example/token"`}, {"Content-Type", "text/plain"},
		}}, nil
	}, pulling}
	server := httptest.NewServer(judged(t, judge, ""))
	defer server.Close()
	answer := ask(t, server, "GET", "/v2/acme/app/manifests/latest", nil, nil)
	if answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") != `Bearer realm="https://tokens.example/token"` ||
		!strings.Contains(answer.text, "UNAUTHORIZED") || answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v %s", answer.Status, answer.Header, answer.text)
	}
}

func TestTheGateIsToldTheRequestAsItIs(t *testing.T) {
	var told *gate.Request
	judge := &scripted{func(request *gate.Request) (*gate.Decision, error) {
		told = request
		return &gate.Decision{Outcome: "deny", Status: 403}, nil
	}, pulling}
	app := judged(t, judge, "")
	server := httptest.NewUnstartedServer(Handler(app, ""))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	own := server.TLS.Certificates[0]
	client.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{own}
	request, _ := http.NewRequest("PATCH", server.URL+"/v2/acme/app/blobs/uploads/x?_state=%41&a", nil)
	request.Header = http.Header{"Authorization": {"Bearer a", "Bearer b"}, "X": {"1"}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if told.Method != "PATCH" || told.URL != server.URL+"/v2/acme/app/blobs/uploads/x?_state=%41&a" || told.Target != nil {
		t.Errorf("%+v", told)
	}
	if !strings.HasPrefix(fmt.Sprint(told.Headers), "[[Accept-Encoding gzip] [Authorization Bearer a] [Authorization Bearer b]") {
		t.Errorf("%v", told.Headers)
	}
	if !reflect.DeepEqual(told.Chain, own.Certificate) {
		t.Errorf("%d certificates", len(told.Chain))
	}

	tell := func(controller *Controller, prefix, target, host string) *gate.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.Host = target, host
		return controller.request(r.WithContext(context.WithValue(r.Context(), exchangeKey{}, &exchange{prefix: prefix})))
	}
	plain, behind := &Controller{judge: judge}, &Controller{judge: judge, origin: "https://registry.example"}
	for _, one := range []struct {
		controller                   *Controller
		prefix, target, url, written string
	}{
		{plain, "", "/v2/a", "http://here:5000/v2/a", ""},
		{behind, "", "/v2/a?b", "https://registry.example/v2/a?b", ""},
		{behind, "", "//v2/a", "https://registry.example//v2/a", ""},
		{behind, "/registry", "/registry/v2/a", "https://registry.example/v2/a", ""},
		{behind, "/registry", "/registryv2/a", "https://registry.example/registryv2/a", ""},
		{behind, "/registry", "/%72egistry/v2/a", "https://registry.example/%72egistry/v2/a", ""},
		{behind, "", "http://other.example/v2/a", "https://registry.example/", "http://other.example/v2/a"},
		{behind, "", "*", "https://registry.example/", "*"},
	} {
		request := tell(one.controller, one.prefix, one.target, "here:5000")
		written := ""
		if request.Target != nil {
			written = *request.Target
		}
		if request.URL != one.url || written != one.written {
			t.Errorf("%s: %s %s", one.target, request.URL, written)
		}
	}
}

func TestARegistryBelowAPrefix(t *testing.T) {
	config := configured(t, policy(), nil)
	config.HTTP.Prefix = "/registry/"
	server := serving(t, config)
	if base := ask(t, server, "GET", "/registry/v2/", with(bearer("")), nil); base.StatusCode != 200 {
		t.Errorf("%s %s", base.Status, base.text)
	}
	if denied := ask(t, server, "GET", "/registry/v2/acme/app/tags/list", with(bearer("read")), nil); denied.StatusCode != 403 {
		t.Errorf("%s %s", denied.Status, denied.text)
	}
	begun := ask(t, server, "POST", "/registry/v2/acme/app/blobs/uploads/", with(bearer("push")), nil)
	if begun.StatusCode != 202 {
		t.Errorf("%s %s", begun.Status, begun.text)
	}
}

func TestARegistryWithoutThePluginIsLeftAlone(t *testing.T) {
	for _, auth := range []configuration.Auth{nil, {"scripted": configuration.Parameters{"name": t.Name()}}} {
		config := plain(auth)
		handler := http.NewServeMux()
		if wrapped := middleware(config, handler); wrapped != http.Handler(handler) {
			t.Errorf("%s is wrapped", auth.Type())
		}
	}
	server := httptest.NewServer(handlers.NewApp(context.Background(), plain(nil)))
	defer server.Close()
	if base := ask(t, server, "GET", "/v2/", nil, nil); base.StatusCode != 200 || base.text != "{}" {
		t.Errorf("%s %s", base.Status, base.text)
	}
}

func TestWhatTheGateWantsToldIsTold(t *testing.T) {
	judge := &scripted{func(*gate.Request) (*gate.Decision, error) {
		return &gate.Decision{Outcome: "allow", Status: 200, ResponseHeaders: []gate.Field{{"Access-Control-Allow-Origin", "https://page.example"}}}, nil
	}, pulling}
	server := httptest.NewServer(Handler(judged(t, judge, ""), ""))
	defer server.Close()
	answer := ask(t, server, "GET", "/v2/", nil, nil)
	if answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Origin") != "https://page.example" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
}

func TestAGrantSaysWhoAndWhat(t *testing.T) {
	controller := &Controller{&scripted{allowing, pulling}, "", discarding, func() {}}
	resource := auth.Resource{Type: "repository", Name: "acme/app"}
	grant, err := controller.Authorized(httptest.NewRequest("GET", "/v2/acme/app/tags/list", nil), auth.Access{Resource: resource, Action: "pull"})
	if err != nil || grant.User.Name != "alice" || len(grant.Resources) != 1 || grant.Resources[0] != resource {
		t.Errorf("%+v %v", grant, err)
	}
}

func TestOptionsThatAreWrongSaySo(t *testing.T) {
	folder := t.TempDir()
	policyFile := filepath.Join(folder, "policy.toml")
	if err := os.WriteFile(policyFile, []byte("rules = [ { path = \"/x\" } ]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for wanted, parameters := range map[string]map[string]any{
		"names no policy": {},
		"has no option \"polcy\"; it has: ca, cache, component, deadline, instances, origin, policy, resolve": {"polcy": "x"},
		"auth.portcullis.policy: 5 is no text":                   {"policy": 5},
		"auth.portcullis.instances: 0 is no number":              {"policy": "x", "instances": 0},
		"auth.portcullis.deadline: soon is no time":              {"policy": "x", "deadline": "soon"},
		"\"registry.example\" is no origin":                      {"policy": "x", "origin": "registry.example"},
		"\"https://registry.example/\" is no origin":             {"policy": "x", "origin": "https://registry.example/"},
		"auth.portcullis.ca: open /nowhere":                      {"policy": "x", "ca": "/nowhere"},
		"holds no certificate":                                   {"policy": "x", "ca": []any{policyFile}},
		"\"a:b\" is not HOST:PORT:ADDRESS":                       {"policy": "x", "resolve": []any{"a:b"}},
		"auth.portcullis.component: open /nowhere":               {"policy": "x", "component": "/nowhere"},
		"the component cannot be used: this is no component":     {"policy": "x", "component": policyFile},
		"the policy cannot be read: stat /nowhere: no such file": {"policy": "/nowhere", "component": built},
		"the policy " + policyFile + " is refused":               {"policy": policyFile, "component": built},
	} {
		controller, err := New(context.Background(), parameters)
		if err == nil {
			controller.Close()
		}
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
}

func BenchmarkAuthorized(b *testing.B) {
	config := configured(b, policy(), nil)
	controller, err := New(context.Background(), config.Auth.Parameters())
	if err != nil {
		b.Fatal(err)
	}
	defer controller.Close()
	request := func(credential string) *http.Request {
		r := httptest.NewRequest("GET", "/v2/acme/app/manifests/latest", nil)
		r.Header = http.Header{
			"Authorization": {credential}, "User-Agent": {"containers/5.36"}, "Accept-Encoding": {"gzip"},
			"Accept": {"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"},
		}
		return r
	}
	pull := auth.Access{Resource: auth.Resource{Type: "repository", Name: "acme/app"}, Action: "pull"}
	run := func(name string, next func(int) *http.Request) {
		b.Run(name, func(b *testing.B) {
			for number := 0; b.Loop(); number++ {
				if _, err := controller.Authorized(next(number), pull); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	one := request(bearer("push read"))
	run("remembered", func(int) *http.Request { return one })
	many := make([]*http.Request, 50_000)
	run("new", func(number int) *http.Request {
		if many[number%len(many)] == nil {
			b.StopTimer()
			many[number%len(many)] = request(bearer(fmt.Sprint("push x", number)))
			b.StartTimer()
		}
		return many[number%len(many)]
	})
	b.Run("remembered, side by side", func(b *testing.B) {
		b.RunParallel(func(each *testing.PB) {
			for each.Next() {
				if _, err := controller.Authorized(one, pull); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
