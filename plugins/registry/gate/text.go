package gate

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"portcullis.example/registry/documents"
)

// Field is a header field: its name and its value.
type Field [2]string

// Request is a request to be decided about (docs/batch.md, `gate.start`).
type Request struct {
	// Method is the method as it was sent.
	Method string `json:"method"`
	// URL is the absolute one under which the client reached the server, path and query as they were sent.
	URL string `json:"url"`
	// Target is the raw request target where that is not the path and query of URL (RFC 9112 section 3.2).
	Target *string `json:"target,omitempty"`
	// Headers are the fields in the order received as far as that is known, repeats included.
	Headers []Field `json:"headers"`
	// BodyWithheld says that there is, or may be, a body, and that it is not handed over.
	BodyWithheld bool `json:"body_withheld,omitempty"`
	// Chain is the client's certificate and those it sent with it, in DER, the leaf first.
	Chain [][]byte `json:"-"`
}

// Principal is who a request is from, as far as a credential says.
type Principal struct {
	Subject  string   `json:"subject"`
	Client   string   `json:"client"`
	SpiffeID string   `json:"spiffe_id"`
	Issuer   string   `json:"issuer"`
	Scopes   []string `json:"scopes"`
	// Binding says how the token is bound to its sender's key: "proved", "deferred" or "none"; empty for workloads and users.
	Binding string `json:"binding"`
}

// Finding is something that was found about a request. For logs, never for clients.
type Finding struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Rule   string `json:"rule"`
}

// Decision is what is decided about a request. It holds no secret.
type Decision struct {
	// Outcome is "allow", and anything else denies.
	Outcome string `json:"outcome"`
	// Status is the HTTP status of the answer; 200 where the request goes on.
	Status int `json:"status"`
	// Headers are those of the answer where it denies; those for an upstream where it allows.
	Headers []Field `json:"headers"`
	// ResponseHeaders go to the client beside the answer's own where it allows.
	ResponseHeaders []Field `json:"response_headers"`
	// Body is that of a denial.
	Body      string     `json:"body"`
	Principal *Principal `json:"principal"`
	// Findings are in order; the first decides.
	Findings []Finding `json:"findings"`
	// Rule is the one that matched, for logs.
	Rule string `json:"rule"`
	// Reported says that it was let through only because the policy reports.
	Reported bool `json:"reported"`
}

// Allows says whether the request goes on.
func (d *Decision) Allows() bool { return d.Outcome == "allow" }

// Code is the one that decided, or empty.
func (d *Decision) Code() string {
	if len(d.Findings) == 0 {
		return ""
	}
	return d.Findings[0].Code
}

// Problem is something that is wrong with a policy.
type Problem struct {
	Code   string `json:"code"`
	Path   string `json:"path"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// Refusal is what a component says where it accepts a request not.
type Refusal struct {
	// Code is stable; docs/codes.md lists them.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Problems are all that is wrong with a policy.
	Problems []Problem `json:"errors"`
}

func (r *Refusal) Error() string {
	if len(r.Problems) == 0 {
		return r.Code + ": " + r.Detail
	}
	var all strings.Builder
	for number, problem := range r.Problems {
		if number > 0 {
			all.WriteByte('\n')
		}
		fmt.Fprintf(&all, "%s: %s (%s)", problem.Path, problem.Detail, problem.Code)
		if problem.Remedy != "" {
			fmt.Fprintf(&all, "; %s", problem.Remedy)
		}
	}
	return all.String()
}

// answered is an answer of the text interface. Result is where the result goes.
type answered struct {
	OK     bool     `json:"ok"`
	Result any      `json:"result"`
	Error  *Refusal `json:"error"`
}

type certificate struct {
	Chain []string `json:"chain"`
}

// start is `gate.start`.
type start struct {
	ID          int          `json:"id"`
	Op          string       `json:"op"`
	Gate        uint64       `json:"gate"`
	Request     *Request     `json:"request"`
	Certificate *certificate `json:"client_certificate,omitempty"`
	ReplaySince int64        `json:"replay_since"`
}

func certificateOf(request *Request) *certificate {
	if len(request.Chain) == 0 {
		return nil
	}
	return &certificate{texts(request.Chain)}
}

// texts are bytes as the text interface has them.
func texts(all [][]byte) []string {
	out := make([]string, len(all))
	for number, bytes := range all {
		out[number] = base64.RawURLEncoding.EncodeToString(bytes)
	}
	return out
}

// step is where an evaluation stands: a decision, or what it needs.
type step struct {
	Decision   *Decision `json:"decision"`
	Evaluation uint64    `json:"evaluation"`
	Needs      []need    `json:"needs"`
}

type need struct {
	ID       uint32          `json:"id"`
	Document *documents.Need `json:"document"`
	Remember *remember       `json:"remember"`
}

type remember struct {
	// Key is a SHA-256 in base64url.
	Key string `json:"key"`
	// Until is in seconds since 1970.
	Until int64 `json:"until"`
}

// told is an answer to a need.
type told struct {
	ID     uint32 `json:"id"`
	Answer string `json:"answer"`
}

// Answers to needs.
const (
	done        = "done"
	fresh       = "fresh"
	seen        = "seen"
	unavailable = "unavailable"
	full        = "full"
)

// given is a document as `gate.provide` takes it.
type given struct {
	URL       string  `json:"url"`
	Server    string  `json:"server,omitempty"`
	FetchedAt int64   `json:"fetched_at"`
	Failed    string  `json:"failed,omitempty"`
	Status    int     `json:"status,omitempty"`
	Headers   []Field `json:"headers,omitempty"`
	Body      string  `json:"body,omitempty"`
	Bytes     string  `json:"body_b64,omitempty"`
}

func giving(document *documents.Document) given {
	one := given{URL: document.URL, Server: document.Server, FetchedAt: document.FetchedAt.Unix()}
	if document.Failed != "" {
		one.Failed = document.Failed
		return one
	}
	one.Status = document.Status
	if document.ContentType != "" {
		one.Headers = []Field{{"content-type", document.ContentType}}
	}
	if utf8.Valid(document.Body) {
		one.Body = string(document.Body)
	} else {
		one.Bytes = base64.RawURLEncoding.EncodeToString(document.Body)
	}
	return one
}

// Missing is an issuer or a trust domain without keys.
type Missing struct {
	// Name is what the policy calls it.
	Name string `json:"name"`
	// Why, for people.
	Why string `json:"why"`
}
