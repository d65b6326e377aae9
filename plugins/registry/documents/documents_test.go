package documents

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func needing(url string, class Class) Need {
	return Need{URL: url, Class: class, Kind: "keys", Accept: "application/json", Most: 1_000}
}

// always is the same answer to whether a redirect may be followed. No server is a workload.
type always struct{ err error }

func (a always) Redirect(context.Context, Need, int, string) error { return a.err }

func (always) Server(context.Context, Need, [][]byte) error {
	return errors.New("nobody asked for a workload")
}

func fetch(url string, class Class, redirects error) *Document {
	return NewFetcher(Options{}).Fetch(context.Background(), needing(url, class), always{redirects})
}

// raw answers each connection with the same bytes, and tells what it was asked.
func raw(t *testing.T, answer string) (string, chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	asked := make(chan string, 16)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = connection.Close() }()
				request := make([]byte, 4_096)
				read, _ := connection.Read(request)
				select {
				case asked <- string(request[:read]):
				default:
				}
				_, _ = connection.Write([]byte(answer))
				if answer == "" {
					// Says nothing at all, until who asked gives up.
					_, _ = connection.Read(request)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), asked
}

func withBody(head, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(body), body)
}

func TestAddressesInsideAreRefusedAndOthersAreNot(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.19.0.1", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
		"fec0::1", "ff02::1", "3fff::1",
	} {
		if IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is public", text)
		}
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
		"2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888",
	} {
		if !IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is not public", text)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestAnAddressIsSeenWhenItIsConnectedTo(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8:443": true, "127.0.0.1:443": false, "[::1]:443": false, "[::ffff:8.8.8.8]:443": false, "localhost:443": false, "": false,
	} {
		if err := publicOnly("tcp", address, nil); (err == nil) != public {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWhatComesIsTakenAsItIsAndNoMoreIsSaidThanNeeded(t *testing.T) {
	at, asked := raw(t, withBody("404 Not Found\r\nContent-Type: Application/JSON; charset=x\r\nSet-Cookie: a=b", "{}"))
	document := fetch(at+"/a?b", Policy, nil)
	if document.Status != 404 || document.ContentType != "Application/JSON; charset=x" || string(document.Body) != "{}" || document.Came() {
		t.Fatalf("%+v", document)
	}
	said := strings.ToLower(<-asked)
	if !strings.HasPrefix(said, "get /a?b http/1.1\r\n") || !strings.Contains(said, "accept: application/json") {
		t.Errorf("%s", said)
	}
	for _, unwanted := range []string{"cookie", "authorization", "referer", "accept-encoding"} {
		if strings.Contains(said, unwanted) {
			t.Errorf("%s", said)
		}
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	proxy, asked := raw(t, withBody("200 OK", "{}"))
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("HTTPS_PROXY", proxy)
	_ = fetch("http://keys.example.invalid/", Policy, nil)
	select {
	case said := <-asked:
		t.Errorf("%s", said)
	default:
	}
}

func TestWhatIsWrongWithAnAnswerIsTold(t *testing.T) {
	for answer, wanted := range map[string]string{
		withBody("200 OK", strings.Repeat("x", 1_001)):                                                "more than 1000 bytes",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n":                                         "more than 1000 bytes",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 100_000):                 "more than 1000 bytes",
		withBody("200 OK\r\nContent-Encoding: gzip", "x"):                                             "compressed",
		withBody("302 Found", ""):                                                                     "no Location",
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort":                                          "",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\nContent-Length: 0\r\n\r\n": "",
		"nonsense\r\n\r\n":    "",
		"HTTP/1.1 200 OK\r\n": "",
	} {
		at, _ := raw(t, answer)
		document := fetch(at+"/secret?secret", Policy, nil)
		if document.Failed == "" || !strings.Contains(document.Failed, wanted) || strings.Contains(document.Failed, "secret") {
			t.Errorf("%.60q: %+v", answer, document)
		}
	}
	if document := fetch("http://127.0.0.1:1/", Policy, nil); !strings.Contains(document.Failed, "refused") {
		t.Errorf("%+v", document)
	}
}

func TestRedirectsAreTheGatesToAdmitAndHaveAnEnd(t *testing.T) {
	end, _ := raw(t, withBody("200 OK", "{}"))
	at, _ := raw(t, withBody("307 X\r\nLocation: "+end+"/x", ""))
	asks := &asking{}
	if document := NewFetcher(Options{}).Fetch(context.Background(), needing(at, Policy), asks); !document.Came() || document.URL != at {
		t.Errorf("%+v", document)
	}
	if told := asks.redirects; len(told) != 1 || told[0] != "0"+end+"/x" {
		t.Errorf("%q", told)
	}
	if document := fetch(at, Policy, errors.New("fetch.url_not_allowed")); document.Failed != "fetch.url_not_allowed" {
		t.Errorf("%+v", document)
	}
	at, asked := raw(t, withBody("302 Found\r\nLocation: /again", ""))
	if document := fetch(at, Policy, nil); !strings.Contains(document.Failed, "more than 3 redirects") || len(asked) != 4 {
		t.Errorf("%+v, asked %d times", document, len(asked))
	}
}

func TestAServerThatSaysNothingTakesNoLongerThanItMay(t *testing.T) {
	at, asked := raw(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	came := make(chan *Document)
	go func() { came <- NewFetcher(Options{}).Fetch(ctx, needing(at, Policy), always{nil}) }()
	<-asked
	cancel()
	if document := <-came; document.Failed == "" {
		t.Errorf("%+v", document)
	}
	// Its own time ends it, whichever of the clocks that run is the first to say so.
	if document := fetch(at, Policy, nil); document.Failed == "" {
		t.Errorf("%+v", document)
	}
}

// TestURLsThatTheGateWouldNotAdmitAreNotFetchedEither has the one table of hostile URLs that tests every fetcher. Names of it lead
// nowhere here; where they may lead, TestAnAddressIsSeenWhenItIsConnectedTo has.
func TestURLsThatTheGateWouldNotAdmitAreNotFetchedEither(t *testing.T) {
	at, asked := raw(t, withBody("200 OK", "{}"))
	parsed, _ := url.Parse(at)
	port := parsed.Port()
	table, err := os.ReadFile("../../../tests/hostile-urls.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n") {
		var row struct{ URL, Stop string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if row.Stop == "address" {
			continue
		}
		// At the port where somebody listens, so that a connection is seen.
		if host, found := strings.CutPrefix(row.URL, "https://"); found {
			host = strings.TrimSuffix(host, "/")
			if host != "" && (!strings.Contains(host, ":") || strings.HasSuffix(host, "]")) {
				urls = append(urls, "https://"+host+":"+port+"/")
			}
		}
		urls = append(urls, row.URL)
	}
	if len(urls) < 100 {
		t.Fatalf("the table was read: %d", len(urls))
	}
	for _, class := range []Class{Credential, Peer, "", "another"} {
		fetcher := NewFetcher(Options{})
		for _, url := range urls {
			// A class that there is not is refused like any; most names are looked up by the system, which takes its time.
			if class != Credential && class != Peer && !strings.Contains(url, "127.0.0.1") {
				continue
			}
			if document := fetcher.Fetch(context.Background(), needing(url, class), always{}); document.Failed == "" {
				t.Errorf("%s: %+v", url, document)
			}
		}
	}
	if len(asked) != 0 {
		t.Error("somebody was asked")
	}
}

func TestAPinLeadsWhereTheOperatorSaysAndAnotherRootIsBelieved(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	address := netip.MustParseAddrPort(server.Listener.Addr().String())
	// The certificate of httptest is for example.com.
	pin, err := ParsePin(fmt.Sprintf("Example.com:%d:%s", address.Port(), address.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("https://example.com:%d/", address.Port())
	options := Options{Pins: []Pin{pin}, Roots: []*x509.Certificate{server.Certificate()}}
	for _, class := range []Class{Policy, Credential, Peer} {
		if document := NewFetcher(options).Fetch(context.Background(), needing(at, class), always{nil}); !document.Came() {
			t.Errorf("%s: %+v", class, document)
		}
	}
	options.Roots = nil
	if document := NewFetcher(options).Fetch(context.Background(), needing(at, Credential), always{nil}); document.Failed == "" {
		t.Errorf("%+v", document)
	}
	for _, text := range []string{"", "a", "a:1", "a:1:x", ":1:127.0.0.1", "a:x:127.0.0.1", "a:0:127.0.0.1", "a:70000:127.0.0.1", "a:http:127.0.0.1"} {
		if pin, err := ParsePin(text); err == nil {
			t.Errorf("%s: %+v", text, pin)
		}
	}
	if pin, err := ParsePin("a:1:::1"); err != nil || pin.Address != netip.IPv6Loopback() {
		t.Errorf("%+v %v", pin, err)
	}
}

func TestFilesAreReadForAPolicyWithinBounds(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "jwks.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	fetcher := NewFetcher(Options{Folder: folder})
	read := func(url string) *Document {
		return fetcher.Fetch(context.Background(), needing(url, Policy), always{nil})
	}
	for _, url := range []string{"file:" + path, "file://" + path, "file:jwks.json"} {
		if document := read(url); !document.Came() || string(document.Body) != "{}" {
			t.Errorf("%s: %+v", url, document)
		}
	}
	if err := os.WriteFile(path, make([]byte, 1_001), 0o600); err != nil {
		t.Fatal(err)
	}
	if document := read("file:jwks.json"); !strings.Contains(document.Failed, "1000 bytes") {
		t.Errorf("%+v", document)
	}
	for _, url := range []string{"file:/nowhere", "file:/dev/zero", "file:" + folder, "file:"} {
		if document := read(url); document.Failed == "" {
			t.Errorf("%s: %+v", url, document)
		}
	}
	if _, is := fetcher.Path("https://keys.example/"); is {
		t.Error("a URL is a file")
	}
}

func TestBudgets(t *testing.T) {
	now := time.Unix(1_000, 0)
	some := func() *budgets {
		budgets := newBudgets()
		budgets.now = func() time.Time { return now }
		return budgets
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	// Nothing is waited for with a context that has ended; what is free may be had or not, so it is tried with one that has not.
	take := func(budgets *budgets, class Class, name string) (func(), error) {
		return budgets.place(context.Background(), class, name)
	}

	// An origin that is asked often waits, and others do not.
	often := some()
	for range burst {
		leave, err := take(often, Credential, "a")
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if _, err := take(often, Credential, "a"); !errors.Is(err, errTooOften) {
		t.Errorf("%v", err)
	}
	for class, name := range map[Class]string{Policy: "a", Credential: "b"} {
		if leave, err := take(often, class, name); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			leave()
		}
	}
	now = now.Add(every)
	if leave, err := take(often, Credential, "a"); err != nil {
		t.Error(err)
	} else {
		leave()
	}
	if _, err := take(often, Credential, "a"); !errors.Is(err, errTooOften) {
		t.Errorf("%v", err)
	}

	// An origin that is slow takes two places, and peers take none of others.
	slow := some()
	var held []func()
	hold := func(class Class, name string) {
		leave, err := take(slow, class, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		held = append(held, leave)
	}
	for range ofOneOrigin {
		hold(Policy, "slow")
	}
	if _, err := slow.place(ended, Policy, "slow"); !errors.Is(err, errBusy) {
		t.Errorf("%v", err)
	}
	for number := range peersInFlight {
		hold(Peer, fmt.Sprint("peer", number))
	}
	if _, err := slow.place(ended, Peer, "another"); !errors.Is(err, errBusy) {
		t.Errorf("%v", err)
	}
	for number := range inFlight - ofOneOrigin {
		hold(Policy, fmt.Sprint("good", number))
	}
	if _, err := slow.place(ended, Policy, "one more"); !errors.Is(err, errBusy) {
		t.Errorf("%v", err)
	}
	for _, leave := range held {
		leave()
	}
	hold(Policy, "one more")

	// Origins that are done with are forgotten.
	many := some()
	for number := range maxOrigins {
		leave, err := take(many, Credential, fmt.Sprint(number))
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if _, err := take(many, Credential, "new"); !errors.Is(err, errTooManyNew) {
		t.Errorf("%v", err)
	}
	now = now.Add(2 * every)
	if _, err := take(many, Credential, "new"); err != nil || len(many.origins) != 1 {
		t.Errorf("%v, %d origins", err, len(many.origins))
	}
}

func TestAtMostSoManyAreInFlight(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	arrived := make(chan struct{}, 64)
	fetcher := NewFetcher(Options{})
	for number := range 12 {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			arrived <- struct{}{}
			<-release
			now.Add(-1)
		}))
		defer server.Close()
		go fetcher.Fetch(context.Background(), needing(server.URL+"/"+strconv.Itoa(number), Policy), always{nil})
	}
	for range inFlight {
		<-arrived
	}
	close(release)
	for range 12 - inFlight {
		<-arrived
	}
	if most.Load() > inFlight {
		t.Errorf("%d at once", most.Load())
	}
}
