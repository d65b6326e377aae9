package registrytests

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands before a server, records what goes by, and can meddle with requests.
type proxy struct {
	listener net.Listener
	mutex    sync.Mutex
	seen     []passed
	meddle   func(r *http.Request)
}

// passed is a request that went by, and its answer.
type passed struct {
	method, target string
	// credential is the `Authorization` that the server got.
	credential string
	status     int
	challenge  string
}

func (p passed) String() string {
	return fmt.Sprintf("%s %.160s %d %s [%.30s]", p.method, p.target, p.status, p.challenge, p.credential)
}

// newProxy is a proxy before a port of this machine. Hosts of requests stay as they are.
func newProxy(t *testing.T, port int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: listener}
	behind := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	server := &http.Server{
		MaxHeaderBytes: 1 << 20,
		ErrorLog:       log.New(io.Discard, "", 0),
		Handler: &httputil.ReverseProxy{
			ErrorLog: log.New(io.Discard, "", 0),
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(behind)
				// What is malformed stays so.
				r.Out.URL.RawQuery = r.In.URL.RawQuery
				r.Out.Host = r.In.Host
				p.pass(r.Out)
			},
			ModifyResponse: func(answer *http.Response) error {
				p.record(answer.Request, answer.StatusCode, answer.Header.Get("WWW-Authenticate"))
				return nil
			},
		},
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if t.Failed() {
			t.Logf("port %d was asked:\n%s", port, lastLines(p.String(), 60))
		}
	})
	return p
}

func (p *proxy) host() string {
	return fmt.Sprintf("localhost:%d", p.listener.Addr().(*net.TCPAddr).Port)
}

// pass gives the request to who meddles.
func (p *proxy) pass(r *http.Request) {
	p.mutex.Lock()
	meddle := p.meddle
	p.mutex.Unlock()
	if meddle != nil {
		meddle(r)
	}
}

func (p *proxy) record(r *http.Request, status int, challenge string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen = append(p.seen, passed{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), status, challenge})
}

// meddles has every request changed from now on, one after the other.
func (p *proxy) meddles(how func(*http.Request)) {
	var turn sync.Mutex
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.meddle = func(r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		how(r)
	}
}

// atUpload has something done to the request that begins the given upload, and to no other.
func (p *proxy) atUpload(number int, what func(*http.Request)) {
	count := 0
	p.meddles(func(r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/blobs/uploads/") {
			return
		}
		if count++; count == number {
			what(r)
		}
	})
}

// forget forgets what went by so far, and meddles no more.
func (p *proxy) forget() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.seen, p.meddle = nil, nil
}

// that is what went by and is so.
func (p *proxy) that(is func(passed) bool) []passed {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var found []passed
	for _, one := range p.seen {
		if is(one) {
			found = append(found, one)
		}
	}
	return found
}

// count is how many requests that went by are so.
func (p *proxy) count(is func(passed) bool) int { return len(p.that(is)) }

func (p *proxy) String() string {
	var text strings.Builder
	for _, one := range p.that(func(passed) bool { return true }) {
		fmt.Fprintln(&text, one)
	}
	return text.String()
}
