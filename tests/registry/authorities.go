package registrytests

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates: of servers, or of the workloads of a trust domain.
type authority struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// tokens signs JWT-SVIDs.
	tokens *key
}

const (
	trustDomain = "prod.example"
	builder     = "spiffe://prod.example/ns/build/sa/ci"
	stranger    = "spiffe://prod.example/ns/shop/sa/web"
)

// newAuthority is a root that nobody has heard of.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, URIs: []*url.URL{{Scheme: "spiffe", Host: trustDomain}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &made.PublicKey, made)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	a := &authority{t.TempDir(), certificate, made, newKey(t, "svids")}
	write(t, a.file(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return a
}

// file has the root in PEM.
func (a *authority) file() string { return filepath.Join(a.folder, "ca.crt") }

// issue writes a certificate and its key to files of a name, in a folder of its own together with the root: as skopeo wants it.
func (a *authority) issue(t *testing.T, name string, template *x509.Certificate) (certificate, private string) {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &made.PublicKey, a.key)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(made)
	must(t, err)
	folder := filepath.Join(a.folder, name)
	certificate = write(t, filepath.Join(folder, "client.cert"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	private = write(t, filepath.Join(folder, "client.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return certificate, private
}

// server is a certificate for a server's name.
func (a *authority) server(t *testing.T, name string) (certificate, private string) {
	t.Helper()
	return a.issue(t, name, &x509.Certificate{DNSNames: []string{name}})
}

// svid is the X.509-SVID of a workload.
func (a *authority) svid(t *testing.T, id string) (certificate, private string) {
	t.Helper()
	uri, err := url.Parse(id)
	must(t, err)
	return a.issue(t, base64.RawURLEncoding.EncodeToString([]byte(id)), &x509.Certificate{URIs: []*url.URL{uri}})
}

// jwtSVID is the JWT-SVID of a workload, for an audience.
func (a *authority) jwtSVID(t *testing.T, id, audience string) string {
	t.Helper()
	all := claims("", id, []string{audience}, nil)
	delete(all, "iss")
	return a.tokens.sign(t, "JWT", all)
}

// trusted is the part of a policy that trusts the domain, and lets its builders push below `acme`.
func (a *authority) trusted(t *testing.T) string {
	t.Helper()
	root := &key{a.key, ""}
	x509SVIDs := root.jwk(t, "x509-svid")
	delete(x509SVIDs, "kid")
	x509SVIDs["x5c"] = []string{base64.StdEncoding.EncodeToString(a.certificate.Raw)}
	bundle := write(t, filepath.Join(a.folder, "bundle.json"), encoded(t, map[string]any{
		"keys": []any{x509SVIDs, a.tokens.jwk(t, "jwt-svid")},
	}))
	return fmt.Sprintf(`
[[trust_domains]]
name = %q
bundle = %q
audience = [%q]

[[registry.grants]]
issuers = [%q]
require = { spiffe_id = ["spiffe://prod.example/ns/build/*"] }
repositories = ["acme/{name...}"]
actions = ["pull", "push"]
`, trustDomain, "file:"+bundle, service, trustDomain)
}

// knows is a client that trusts the authority, with a certificate of its own where one is given.
func (a *authority) knows(t *testing.T, certificate, private string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	config := &tls.Config{RootCAs: roots}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, private)
		must(t, err)
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: config}}
}

// idp is an issuer of tokens for workloads, with a status list, at a name that servers have to be told the address of.
type idp struct {
	authority *authority
	key       *key
	port      int
	// revoked is whether entry 7 of the list is.
	revoked atomic.Bool
}

// job is the name of a workload of the issuer.
const job = "repo:acme/app:job:7"

func newIDP(t *testing.T) *idp {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	i := &idp{authority: newAuthority(t), key: newKey(t, "ci"), port: listener.Addr().(*net.TCPAddr).Port}
	handler := http.NewServeMux()
	handler.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		io.WriteString(w, encoded(t, map[string]any{"keys": []any{i.key.jwk(t, "sig")}}))
	})
	handler.HandleFunc("GET /status/1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		io.WriteString(w, i.list(t))
	})
	certificate, private := i.authority.server(t, "idp.example")
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.ServeTLS(listener, certificate, private) }()
	t.Cleanup(func() { server.Close() })
	return i
}

func (i *idp) origin() string { return fmt.Sprintf("https://idp.example:%d", i.port) }

// pin is what servers have to be told of the issuer's address.
func (i *idp) pin() string { return fmt.Sprintf("idp.example:%d:127.0.0.1", i.port) }

// list is a status list token (draft-ietf-oauth-status-list) of 16 entries of a bit, which is good for a second.
func (i *idp) list(t *testing.T) string {
	t.Helper()
	entries := []byte{0, 0}
	if i.revoked.Load() {
		entries[0] = 1 << 7
	}
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	_, err := writer.Write(entries)
	must(t, err)
	must(t, writer.Close())
	now := time.Now().Unix()
	return i.key.sign(t, "statuslist+jwt", map[string]any{
		"iss": i.origin(), "sub": i.origin() + "/status/1", "iat": now, "exp": now + 3_600, "ttl": 1,
		"status_list": map[string]any{"bits": 1, "lst": base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	})
}

// token is that of a job, which is entry 7 or another of the list.
func (i *idp) token(t *testing.T, entry int) string {
	t.Helper()
	return i.key.sign(t, "JWT", claims(i.origin(), job, service, map[string]any{
		"repository": "acme/app",
		"status":     map[string]any{"status_list": map[string]any{"idx": entry, "uri": i.origin() + "/status/1"}},
	}))
}

// trusted is a set-up whose servers trust the issuer, and let its jobs push their own application.
func (i *idp) trusted() setup {
	return setup{
		policy: fmt.Sprintf(`
[[issuers]]
name = "ci"
issuer = %q
profile = "jwt"
audience = [%q]
keys = %q
status = "required"

[[registry.grants]]
issuers = ["ci"]
require = { claims = { repository = "acme/app" } }
repositories = ["acme/app"]
actions = ["pull", "push"]
`, i.origin(), service, i.origin()+"/jwks"),
		serve:  []string{"--ca", i.authority.file(), "--resolve", i.pin()},
		plugin: fmt.Sprintf("    ca: %s\n    resolve: %s\n", i.authority.file(), i.pin()),
	}
}
