package registrytests

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A JWT-SVID is a password with any name: that is all that a client has to know.
func TestAWorkloadPushesWithNothingButItsJWTSVID(t *testing.T) {
	domain := newAuthority(t)
	each(t, everyOne, setup{policy: domain.trusted(t)}, func(t *testing.T, w *world, _ subject) {
		svid := domain.jwtSVID(t, builder, service)
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				workload, image := somebody(t, w), newImage(t)
				workload.signsIn(client, w, "workload", svid)
				reference := w.reference("acme/" + client.name + ":v1")
				workload.does(client.push(image, reference))
				if digest := workload.does(client.digest(reference)); strings.TrimSpace(digest) != image.digest {
					t.Errorf("%s is there", digest)
				}
				workload.isRefused(client.digest(w.reference("team/"+client.name+":v1")), "")
				workload.isRefused(client.delete(w.reference("acme/"+client.name), image.digest), "")
			})
		}
		t.Run("others", func(t *testing.T) {
			for name, token := range map[string]string{
				"another workload": domain.jwtSVID(t, stranger, service),
				"another audience": domain.jwtSVID(t, builder, "other.example"),
				"another domain":   newAuthority(t).jwtSVID(t, builder, service),
			} {
				other := somebody(t, w)
				_, _ = other.tries(crane.login(w.host(), "workload"), token)
				if output := other.isRefused(crane.push(newImage(t), w.reference("acme/other:v1")), ""); strings.Contains(output, token) {
					t.Errorf("%s: the token is in the output", name)
				}
			}
		})
	})
}

// A JWT-SVID is a bearer token too: where clients fetch tokens, of the token service; else of the registry.
func TestAJWTSVIDIsABearerToken(t *testing.T) {
	domain := newAuthority(t)
	each(t, everyOne, setup{policy: domain.trusted(t)}, func(t *testing.T, w *world, of subject) {
		token := domain.jwtSVID(t, builder, service)
		if of.tokenService {
			token = w.token(t, "Bearer "+token, "repository:acme/app:pull,push").Token
		}
		pushesWithToken(t, w, of, token)
	})
}

// pushesWithToken pushes with clients that take a token as it is.
func pushesWithToken(t *testing.T, w *world, of subject, token string) {
	t.Helper()
	image := newImage(t)
	workload := somebody(t, w)
	// skopeo and oras do not use it where the challenge is Basic.
	with := []*client{crane}
	if of.tokenService {
		with = append(with, oras)
		push := words("skopeo --insecure-policy copy --dest-tls-verify=false --dest-registry-token", token)
		workload.does(append(push, "oci:"+image.folder+":v1", "docker://"+w.reference("acme/app:skopeo")))
	}
	write(t, filepath.Join(workload.home, "docker/config.json"), encoded(t, map[string]any{
		"auths": map[string]any{w.host(): map[string]any{"registrytoken": token}},
	}))
	for _, client := range with {
		workload.does(client.push(image, w.reference("acme/app:"+client.name)))
		if digest := workload.does(client.digest(w.reference("acme/app:" + client.name))); strings.TrimSpace(digest) != image.digest {
			t.Errorf("%s: %s is there", client.name, digest)
		}
	}
}

// byCertificate are pushes of an image with the certificate of a workload and nothing else, where servers speak TLS.
func byCertificate(t *testing.T, w *world, web *authority, certificate, private string, image *image, repository string) map[string][]string {
	t.Helper()
	workload := somebody(t, w)
	workload.does(words("regctl registry set --skip-check --cacert", contents(t, web.file()),
		"--client-cert", contents(t, certificate), "--client-key", contents(t, private), w.host()))
	folder := t.TempDir()
	write(t, filepath.Join(folder, "ca.crt"), contents(t, web.file()))
	write(t, filepath.Join(folder, "client.cert"), contents(t, certificate))
	write(t, filepath.Join(folder, "client.key"), contents(t, private))
	return map[string][]string{
		"oras": words("oras cp --no-tty --from-oci-layout --to-plain-http=false --to-ca-file", web.file(), "--to-cert-file", certificate,
			"--to-key-file", private, image.folder+":v1", w.reference(repository+":oras")),
		"skopeo": words("skopeo --insecure-policy copy --dest-cert-dir", folder,
			"oci:"+image.folder+":v1", "docker://"+w.reference(repository+":skopeo")),
		"regctl": words("env", "REGCTL_CONFIG="+filepath.Join(workload.home, "regctl.json"), tool(t, "regctl"), "image", "copy",
			"ocidir://"+image.folder+":v1", w.reference(repository+":regctl")),
	}
}

// tlsOf is a registry's `http` with a certificate of its own, which looks at those of clients where it is told an authority.
func tlsOf(certificate, private string, clients *authority) string {
	text := fmt.Sprintf("  tls:\n    certificate: %s\n    key: %s\n", certificate, private)
	if clients != nil {
		text += fmt.Sprintf("    clientcas: [%s]\n    clientauth: verify-client-cert-if-given\n", clients.file())
	}
	return text
}

// isThere is whether a registry that speaks TLS has an image.
func isThere(t *testing.T, w *world, with *http.Client, credentials http.Header, name string, image *image) {
	t.Helper()
	header := http.Header{"Accept": {"application/vnd.oci.image.manifest.v1+json"}}
	maps.Copy(header, credentials)
	repository, tag, _ := strings.Cut(name, ":")
	got := askWith(t, with, "HEAD", w.registryURL()+"/v2/"+repository+"/manifests/"+tag, header, "")
	if got.status != 200 || got.header.Get("Docker-Content-Digest") != image.digest {
		t.Errorf("%s: %v", name, got)
	}
}

// The token service takes the client's certificate of its own handshake. Whoever has the certificate fetches a token, which any client
// pushes with.
func TestAWorkloadFetchesATokenWithNothingButItsX509SVID(t *testing.T) {
	domain, web := newAuthority(t), newAuthority(t)
	each(t, withTokens, tokensByCertificate(t, domain, web), func(t *testing.T, w *world, of subject) {
		query := "?" + url.Values{"service": {service}, "scope": {"repository:acme/app:pull,push"}}.Encode()
		with := func(of *authority, id string) answer {
			certificate, private := of.svid(t, id)
			return askWith(t, web.knows(t, certificate, private), "GET", w.realm()+query, nil, "")
		}
		got := with(domain, builder)
		if got.status != 200 {
			t.Fatalf("no token for the certificate: %v", got)
		}
		pushesWithToken(t, w, of, read[handedOut](t, got.body).Token)

		// By HTTP/2 as well, where the host is no field of the header.
		certificate, private := domain.svid(t, builder)
		two := web.knows(t, certificate, private)
		two.Transport.(*http.Transport).ForceAttemptHTTP2 = true
		if got := askWith(t, two, "GET", w.realm()+query, nil, ""); got.status != 200 {
			t.Errorf("by HTTP/2: %v", got)
		}

		if got := with(domain, stranger); got.status != 200 || read[handedOut](t, got.body).Scope != "" {
			t.Errorf("another workload: %v", got)
		}
		if got := with(newAuthority(t), builder); got.status != 401 {
			t.Errorf("another authority: %v", got)
		}
		if got := askWith(t, web.knows(t, "", ""), "GET", w.realm()+query, nil, ""); got.status != 401 {
			t.Errorf("no certificate: %v", got)
		}
	})
}

// tokensByCertificate is a set-up whose token service asks clients for a certificate.
func tokensByCertificate(t *testing.T, domain, web *authority) setup {
	certificate, private := web.server(t, "localhost")
	return setup{
		policy:    domain.trusted(t),
		tokensTLS: true,
		listener:  fmt.Sprintf("tls = { certificate = %q, key = %q }\nclient_certificate = \"tls\"\n", certificate, private),
		serve:     []string{"--ca", web.file()},
		plugin:    fmt.Sprintf("    ca: %s\n", web.file()),
	}
}

// skopeo and regctl show the certificate to the token service themselves, whatever its host; oras shows it to the registry alone, and
// crane has none.
func TestClientsShowTheirX509SVIDToTheTokenService(t *testing.T) {
	domain, web := newAuthority(t), newAuthority(t)
	setup := tokensByCertificate(t, domain, web)
	setup.registryTLS = true
	certificate, private := web.server(t, "localhost")
	setup.http = tlsOf(certificate, private, nil)
	each(t, withTokens, setup, func(t *testing.T, w *world, _ subject) {
		image := newImage(t)
		certificate, private := domain.svid(t, builder)
		pushes := byCertificate(t, w, web, certificate, private, image, "acme/app")
		with := web.knows(t, certificate, private)
		query := "?" + url.Values{"service": {service}, "scope": {"repository:acme/app:pull"}}.Encode()
		token := read[handedOut](t, askWith(t, with, "GET", w.realm()+query, nil, "").body).Token
		for _, name := range []string{"skopeo", "regctl"} {
			somebody(t, w).does(pushes[name])
			isThere(t, w, with, credential("Bearer "+token), "acme/app:"+name, image)
		}
		somebody(t, w).isRefused(pushes["oras"], "")
	})
}

// The registry itself takes the client's certificate, and no token is fetched at all.
func TestAWorkloadPushesWithNothingButItsX509SVID(t *testing.T) {
	domain, web := newAuthority(t), newAuthority(t)
	certificate, private := web.server(t, "localhost")
	each(t, []subject{alone}, setup{
		policy: domain.trusted(t), registryTLS: true, http: tlsOf(certificate, private, domain),
	}, func(t *testing.T, w *world, _ subject) {
		image := newImage(t)
		pushes := func(id, repository string) map[string][]string {
			certificate, private := domain.svid(t, id)
			return byCertificate(t, w, web, certificate, private, image, repository)
		}
		certificate, private := domain.svid(t, builder)
		for name, push := range pushes(builder, "acme/app") {
			somebody(t, w).does(push)
			isThere(t, w, web.knows(t, certificate, private), nil, "acme/app:"+name, image)
		}
		for _, name := range []string{"oras", "skopeo"} {
			somebody(t, w).isRefused(pushes(builder, "team/app")[name], "")
			somebody(t, w).isRefused(pushes(stranger, "acme/app")[name], "")
		}
		if got := askWith(t, web.knows(t, "", ""), "GET", w.registryURL()+"/v2/", nil, ""); got.status != 401 {
			t.Errorf("no certificate: %v", got)
		}
	})
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

// A list is good for a second: as soon as it was fetched again, a workload that it revokes gets nothing more.
func TestARevokedWorkloadIsRefused(t *testing.T) {
	for _, of := range everyOne {
		t.Run(of.name, func(t *testing.T) {
			issuer := newIDP(t)
			w := newWorld(t, of, issuer.trusted())
			token, other := issuer.token(t, 7), issuer.token(t, 8)
			workload, image := somebody(t, w), newImage(t)
			workload.signsIn(crane, w, "job", token)
			workload.does(crane.push(image, w.reference("acme/app:v1")))
			// What a client does first with the workload's own token: fetch another, or ask the registry.
			first := func(token string) answer {
				if of.tokenService {
					return w.asksForToken(t, basic("job", token), "repository:acme/app:pull,push")
				}
				return ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential("Bearer "+token), "")
			}
			if got := first(token); got.status != 200 {
				t.Fatalf("before: %v", got)
			}
			issuer.revoked.Store(true)
			await(t, "the revoked workload is refused", func() bool { return first(token).status == 401 })
			got := first(token)
			if got.status != 401 || !strings.Contains(got.body, "UNAUTHORIZED") {
				t.Errorf("revoked: %v", got)
			}
			for _, secret := range []string{issuer.origin(), "idp.example", job} {
				if strings.Contains(got.body, secret) {
					t.Errorf("the body tells %s: %s", secret, got.body)
				}
			}
			workload.isRefused(crane.push(newImage(t), w.reference("acme/app:v2")), "")
			if got := first(other); got.status != 200 {
				t.Errorf("another workload: %v", got)
			}
			if of.name == plugin.name {
				// The plugin takes the workload's own token as well.
				got := ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential("Bearer "+token), "")
				if got.status != 401 {
					t.Errorf("at the registry: %v", got)
				}
			}
		})
	}
}
