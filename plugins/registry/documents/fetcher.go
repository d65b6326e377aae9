package documents

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	// connectWithin is how long connecting may take, and the handshake as long again.
	connectWithin = 3 * time.Second
	// fetchWithin is how long a whole fetch may take, its redirects included.
	fetchWithin = 5 * time.Second
	// maxRedirects are followed, if the gate admits each.
	maxRedirects = 3
	// maxHeader bounds the header of an answer, in bytes.
	maxHeader = 64 * 1024
)

// Class says who named a URL, which decides how far a fetch may go.
type Class string

// The classes, as the gate calls them.
const (
	// Policy is the operator's, in the policy: private addresses are allowed.
	Policy Class = "policy"
	// Credential is of a token that verified, or an issuer's metadata: public addresses alone.
	Credential Class = "credential"
	// Peer is of a message that is not authenticated: as Credential, with a small budget of its own.
	Peer Class = "peer"
)

// Need is a document that a gate needs, as the gate says it (docs/batch.md, `gate.due`).
type Need struct {
	URL    string `json:"url"`
	Class  Class  `json:"class"`
	Kind   string `json:"kind"`
	Accept string `json:"accept"`
	// Most is the most to read of it, in bytes.
	Most int64 `json:"most"`
	// Server is the SPIFFE ID that the server has to prove; empty where it is authenticated as the web's servers are.
	Server string `json:"server,omitempty"`
}

// Place is where a document is from. What came from a server that was authenticated in another way is another document.
type Place struct{ URL, Server string }

// Place is where it is to come from.
func (n Need) Place() Place { return Place{n.URL, n.Server} }

// Document is what came of a fetch.
type Document struct {
	// URL is the one that was asked for, whatever redirects there were.
	URL string
	// Server is the need's.
	Server string
	// Kind is what the need called it.
	Kind string
	// FetchedAt is when.
	FetchedAt time.Time
	// Failed says why nothing came, for logs; empty where something did.
	Failed string
	// Status is the HTTP status; 200 for a file.
	Status int
	// ContentType is the header field, empty where there is none.
	ContentType string
	// Body is the body, without content coding.
	Body []byte
}

// Place is where it came from.
func (d *Document) Place() Place { return Place{d.URL, d.Server} }

// Came says whether it is a document, and not a failure or another answer.
func (d *Document) Came() bool { return d.Failed == "" && d.Status == http.StatusOK }

// Why says what is wrong where it did not come, for logs.
func (d *Document) Why() string {
	if d.Failed != "" {
		return d.Failed
	}
	return fmt.Sprintf("status %d", d.Status)
}

// Pin is an address that the operator named for an origin. It may be a private one.
type Pin struct {
	Host    string
	Port    uint16
	Address netip.Addr
}

// ParsePin reads HOST:PORT:ADDRESS. The error says what is wrong with it.
func ParsePin(text string) (Pin, error) {
	wrong := fmt.Errorf("%q is not HOST:PORT:ADDRESS", text)
	host, rest, found := strings.Cut(text, ":")
	number, address, also := strings.Cut(rest, ":")
	if !found || !also || host == "" {
		return Pin{}, wrong
	}
	port, err := net.LookupPort("tcp", number)
	if err != nil || strings.Trim(number, "0123456789") != "" || port == 0 {
		return Pin{}, wrong
	}
	parsed, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		return Pin{}, wrong
	}
	return Pin{strings.ToLower(host), uint16(port), parsed}, nil
}

// Options is what a fetcher is told.
type Options struct {
	// Pins are addresses for origins. Nobody is asked for theirs.
	Pins []Pin
	// Roots are authorities that are believed beside the system's.
	Roots []*x509.Certificate
	// Folder is where relative paths of `file:` URLs begin.
	Folder string
}

// Admits says where a fetch may go. Errors say why not, for logs.
type Admits interface {
	// Redirect says whether the redirect after so many others may be followed.
	Redirect(ctx context.Context, need Need, hops int, location string) error
	// Server says whether the server that presents these certificates, in DER and its own first, may be asked for what is needed.
	Server(ctx context.Context, need Need, chain [][]byte) error
}

// Fetcher fetches documents, within bounds. It may be used by many goroutines.
type Fetcher struct {
	// open is for the operator's own URLs: any address. strict is for URLs that others named: public addresses alone.
	open, strict *http.Client
	pins         map[string][]string
	folder       string
	budgets      *budgets
}

// NewFetcher makes a fetcher.
func NewFetcher(options Options) *Fetcher {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	for _, root := range options.Roots {
		roots.AddCert(root)
	}
	pins := map[string][]string{}
	for _, pin := range options.Pins {
		port := fmt.Sprint(pin.Port)
		origin := net.JoinHostPort(pin.Host, port)
		pins[origin] = append(pins[origin], net.JoinHostPort(pin.Address.String(), port))
	}
	return &Fetcher{
		open:    client(&tls.Config{RootCAs: roots}, pins, nil),
		strict:  client(&tls.Config{RootCAs: roots}, pins, publicOnly),
		pins:    pins,
		folder:  options.Folder,
		budgets: newBudgets(),
	}
}

// publicOnly sees each address just before it is connected to, whatever a name service says a moment later.
func publicOnly(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(to.Addr()) {
		return errors.New("the name leads to no public address, and the operator did not name it: see the option resolve")
	}
	return nil
}

func client(config *tls.Config, pins map[string][]string, control func(string, string, syscall.RawConn) error) *http.Client {
	config.MinVersion = tls.VersionTLS12
	free := &net.Dialer{Timeout: connectWithin}
	checked := &net.Dialer{Timeout: connectWithin, Control: control}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		pinned := pins[strings.ToLower(address)]
		if len(pinned) == 0 {
			return checked.DialContext(ctx, network, address)
		}
		var last error
		for _, to := range pinned {
			connection, err := free.DialContext(ctx, network, to)
			if err == nil {
				return connection, nil
			}
			last = err
		}
		return nil, last
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dial,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    connectWithin,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    1,
			MaxIdleConns:           16,
			IdleConnTimeout:        time.Minute,
			ResponseHeaderTimeout:  fetchWithin,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
}

// Fetch fetches what is needed. What cannot be had is told as such, with a reason for logs.
func (f *Fetcher) Fetch(ctx context.Context, need Need, admits Admits) *Document {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	var document *Document
	var err error
	switch {
	case need.Server != "" && !strings.HasPrefix(need.URL, "https://"):
		err = errors.New("the URL is not https, and its server has to prove who it is")
	case strings.HasPrefix(need.URL, "file:"):
		document, err = f.read(ctx, need)
	case strings.HasPrefix(need.URL, "workload-api:"):
		err = errors.New("this plugin does not ask the SPIFFE Workload API: name the bundle's URL or file in the policy")
	default:
		document, err = f.follow(ctx, need, admits)
	}
	if err != nil {
		document = &Document{Failed: reason(ctx, err)}
	}
	document.URL, document.Server, document.Kind, document.FetchedAt = need.URL, need.Server, need.Kind, time.Now()
	return document
}

// reason is what an error says, without the URL that net/http puts before it.
func reason(ctx context.Context, err error) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("nothing whole came within %v", fetchWithin)
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if why := err.Error(); why != "" {
		return why
	}
	return "it failed"
}

func (f *Fetcher) follow(ctx context.Context, need Need, admits Admits) (*Document, error) {
	at, err := url.Parse(need.URL)
	if err != nil {
		return nil, errors.New("the URL is none")
	}
	for hops := 0; hops <= maxRedirects; hops++ {
		document, next, err := f.get(ctx, need, at, admits)
		if err != nil || next == nil {
			return document, err
		}
		if err := admits.Redirect(ctx, need, hops, next.String()); err != nil {
			return nil, err
		}
		at = next
	}
	return nil, fmt.Errorf("more than %d redirects", maxRedirects)
}

// get gives an answer, or where it redirects to.
func (f *Fetcher) get(ctx context.Context, need Need, at *url.URL, admits Admits) (*Document, *url.URL, error) {
	client, err := f.client(need.Class, at)
	if err != nil {
		return nil, nil, err
	}
	if need.Server != "" {
		if at.Scheme != "https" {
			return nil, nil, errors.New("redirected to no https URL, and its server has to prove who it is")
		}
		client = f.ofWorkload(ctx, need, admits)
	}
	leave, err := f.budgets.place(ctx, need.Class, at.Scheme+"://"+at.Host)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, errors.New("the URL is none")
	}
	request.Header.Set("Accept", need.Accept)
	request.Header.Set("User-Agent", "portcullis")
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location := answer.Header.Get("Location")
		if location == "" {
			return nil, nil, errors.New("redirected to nowhere: there is no Location")
		}
		next, err := at.Parse(location)
		if err != nil {
			return nil, nil, errors.New("redirected to no URL")
		}
		return nil, next, nil
	}
	document, err := take(answer, need.Most)
	return document, nil, err
}

// client is who may fetch a URL. The gate has admitted it; what it refuses for a class is refused here as well.
func (f *Fetcher) client(class Class, at *url.URL) (*http.Client, error) {
	host := at.Hostname()
	if host == "" {
		return nil, errors.New("the URL has no host")
	}
	if at.User != nil {
		return nil, errors.New("the URL has a user name")
	}
	if class == Policy {
		if at.Scheme != "https" && at.Scheme != "http" {
			return nil, errors.New("the URL is neither http nor https")
		}
		return f.open, nil
	}
	if at.Scheme != "https" {
		return nil, errors.New("the URL is not https")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, errors.New("the URL names an address and no host")
	}
	return f.strict, nil
}

// ofWorkload is for one connection to a server that proves with an X.509-SVID who it is (SPIFFE Federation section 5.2.2). That it holds
// the key of its certificate is seen to by the handshake, who it has to be is the gate's to judge, in the middle of it, and the authorities
// of the system and the server's name have no part in it.
func (f *Fetcher) ofWorkload(ctx context.Context, need Need, admits Admits) *http.Client {
	config := &tls.Config{
		InsecureSkipVerify: true, // Of authorities and names alone: VerifyConnection takes their place, and is always called.
		VerifyConnection: func(state tls.ConnectionState) error {
			chain := make([][]byte, len(state.PeerCertificates))
			for number, certificate := range state.PeerCertificates {
				chain[number] = certificate.Raw
			}
			return admits.Server(ctx, need, chain)
		},
	}
	control := publicOnly
	if need.Class == Policy {
		control = nil
	}
	client := client(config, f.pins, control)
	// The newest bundle judges each connection, so none is kept.
	client.Transport.(*http.Transport).DisableKeepAlives = true
	return client
}

func take(answer *http.Response, most int64) (*Document, error) {
	if coding := answer.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, errors.New("it is compressed, and nobody asked for that")
	}
	tooLong := fmt.Errorf("it has more than %d bytes", most)
	if answer.ContentLength > most {
		return nil, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, tooLong
	}
	return &Document{Status: answer.StatusCode, ContentType: answer.Header.Get("Content-Type"), Body: body}, nil
}
