package documents

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const server = "spiffe://prod.example/bundle-server"

// asking keeps account of what it was asked, and says what a test wants.
type asking struct {
	refused   error
	mutex     sync.Mutex
	chains    [][][]byte
	redirects []string
}

func (a *asking) Redirect(_ context.Context, _ Need, hops int, location string) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.redirects = append(a.redirects, fmt.Sprint(hops, location))
	return nil
}

func (a *asking) Server(_ context.Context, need Need, chain [][]byte) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if need.Server != server {
		return errors.New("that server was not asked for")
	}
	a.chains = append(a.chains, chain)
	return a.refused
}

// workload serves with a certificate that has a SPIFFE ID and no name, and tells what it was asked.
func workload(t *testing.T, serve http.HandlerFunc) (*httptest.Server, *int) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := url.Parse(server)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), URIs: []*url.URL{id}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	serving := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		asked++
		serve(writer, request)
	}))
	serving.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	serving.StartTLS()
	t.Cleanup(serving.Close)
	return serving, &asked
}

func bundle(writer http.ResponseWriter, _ *http.Request) { _, _ = writer.Write([]byte(`{"keys":[]}`)) }

func ofWorkload(at string) Need {
	return Need{URL: at, Class: Policy, Kind: "bundle", Accept: "application/json", Most: 1_000, Server: server}
}

func TestTheGateJudgesWhatTheServerPresentsAndNobodyElseDoes(t *testing.T) {
	serving, _ := workload(t, bundle)
	admits := &asking{}
	fetcher := NewFetcher(Options{})
	for times := 1; times <= 2; times++ {
		document := fetcher.Fetch(context.Background(), ofWorkload(serving.URL), admits)
		if !document.Came() || document.Server != server || string(document.Body) != `{"keys":[]}` {
			t.Fatalf("%+v", document)
		}
		if len(admits.chains) != times {
			t.Errorf("%d connections were judged, not %d", len(admits.chains), times)
		}
	}
	presented := serving.TLS.Certificates[0].Certificate
	if chain := admits.chains[0]; len(chain) != 1 || string(chain[0]) != string(presented[0]) {
		t.Errorf("%d certificates", len(chain))
	}
	// Where it is to be a server of the web, it is none.
	need := ofWorkload(serving.URL)
	need.Server = ""
	if document := fetcher.Fetch(context.Background(), need, admits); !strings.Contains(document.Failed, "certificate") {
		t.Errorf("%+v", document)
	}
}

func TestAServerThatIsRefusedIsAskedNothing(t *testing.T) {
	serving, asked := workload(t, bundle)
	admits := &asking{refused: errors.New("fetch.server_id: it is another")}
	document := NewFetcher(Options{}).Fetch(context.Background(), ofWorkload(serving.URL), admits)
	if !strings.Contains(document.Failed, "fetch.server_id") || *asked != 0 {
		t.Errorf("%+v, asked %d times", document, *asked)
	}
	// Not even one that the operator's authorities and its name would make good.
	web := httptest.NewTLSServer(http.HandlerFunc(bundle))
	t.Cleanup(web.Close)
	fetcher := NewFetcher(Options{Roots: []*x509.Certificate{web.Certificate()}})
	if document := fetcher.Fetch(context.Background(), ofWorkload(web.URL), admits); document.Came() {
		t.Errorf("%+v", document)
	}
	// Nor does anybody prove anything without TLS.
	plain := httptest.NewServer(http.HandlerFunc(bundle))
	t.Cleanup(plain.Close)
	document = fetcher.Fetch(context.Background(), ofWorkload(plain.URL), &asking{})
	if !strings.Contains(document.Failed, "not https") {
		t.Errorf("%+v", document)
	}
}

func TestServersOfRedirectsAreJudgedToo(t *testing.T) {
	end, _ := workload(t, bundle)
	begin, _ := workload(t, func(writer http.ResponseWriter, request *http.Request) {
		http.Redirect(writer, request, end.URL, http.StatusTemporaryRedirect)
	})
	admits := &asking{}
	document := NewFetcher(Options{}).Fetch(context.Background(), ofWorkload(begin.URL), admits)
	if !document.Came() || len(admits.chains) != 2 || len(admits.redirects) != 1 {
		t.Errorf("%+v, %d servers, %v", document, len(admits.chains), admits.redirects)
	}
}
