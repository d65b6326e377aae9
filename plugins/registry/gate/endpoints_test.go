package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// authority issues X.509-SVIDs of prod.example.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func certified(t *testing.T, template *x509.Certificate, id string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, _ := url.Parse(id)
	template.SerialNumber, template.URIs = big.NewInt(time.Now().UnixNano()), []*url.URL{name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

func newAuthority(t *testing.T) *authority {
	return certified(t, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, "spiffe://prod.example", nil)
}

func (a *authority) svid(t *testing.T, id string) *authority {
	return certified(t, &x509.Certificate{BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature}, id, a)
}

// bundle is the trust domain's bundle.
func (a *authority) bundle(t *testing.T) string {
	t.Helper()
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	coordinate := base64.RawURLEncoding.EncodeToString
	text, _ := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"use": "x509-svid", "kty": "EC", "crv": "P-256", "x": coordinate(point[1:33]), "y": coordinate(point[33:]),
		"x5c": [][]byte{a.certificate.Raw},
	}}})
	return string(text)
}

func TestABundleComesFromTheWorkloadThatThePolicyNames(t *testing.T) {
	own := newAuthority(t)
	workload := own.svid(t, "spiffe://prod.example/pusher")
	for id, status := range map[string]int{
		"spiffe://prod.example/bundle-server": http.StatusOK,
		"spiffe://prod.example/another":       http.StatusServiceUnavailable,
	} {
		presented := own.svid(t, id)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(own.bundle(t)))
		}))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{
			{Certificate: [][]byte{presented.certificate.Raw}, PrivateKey: presented.key},
		}}
		server.StartTLS()
		t.Cleanup(server.Close)
		initial := write(t, filepath.Join(t.TempDir(), "initial.json"), own.bundle(t))
		gate := opened(t, fmt.Sprintf(`
origins = ["https://api.example"]

[[trust_domains]]
name = "prod.example"
bundle = %q
bundle_profile = "https_spiffe"
endpoint_spiffe_id = "spiffe://prod.example/bundle-server"
bundle_initial = "file:%s"

[[rules]]
require = {}
`, server.URL, initial), 1, nil)
		request := get("/reports/7")
		request.Chain = [][]byte{workload.certificate.Raw}
		if decision := check(t, gate, request); decision.Status != status {
			t.Errorf("%s: %+v", id, decision)
		}
	}
}
