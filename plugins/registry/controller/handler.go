package controller

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/distribution/distribution/v3/configuration"

	"portcullis.example/registry/gate"
)

// exchange is one request and its answer, between the middleware and the access controller.
type exchange struct {
	// prefix is what stands before `/v2/` in the paths of this registry (`http.prefix`), without a slash at its end.
	prefix string
	// header is the answer's.
	header http.Header
	// denied is the decision that is to be the answer.
	denied *gate.Decision
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	exchange, _ := ctx.Value(exchangeKey{}).(*exchange)
	return exchange
}

// middleware is Handler for registries whose access controller is this one. Others are left alone.
func middleware(config *configuration.Configuration, next http.Handler) http.Handler {
	if config.Auth.Type() != Name {
		return next
	}
	return Handler(next, config.HTTP.Prefix)
}

// Handler lets denials be answered as they were decided, with their status, headers and body. The registry knows 401 alone. prefix is the
// registry's `http.prefix`. The programs of this module need not call it: the registry is told of it.
func Handler(next http.Handler, prefix string) http.Handler {
	prefix = strings.TrimRight(prefix, "/")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exchange := &exchange{prefix: prefix, header: w.Header()}
		answer := &answering{ResponseWriter: w, exchange: exchange}
		next.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, exchange)))
	})
}

// answering writes a decision in place of what the registry writes, where there is one, and else is out of the way.
type answering struct {
	http.ResponseWriter
	exchange *exchange
	written  bool
}

// instead writes the decision, once. It says whether there is one.
func (a *answering) instead() bool {
	decision := a.exchange.denied
	if decision == nil || a.written {
		return decision != nil
	}
	a.written = true
	header := a.Header()
	for _, name := range []string{"Content-Type", "Content-Length", "Www-Authenticate"} {
		header.Del(name)
	}
	set := map[string]bool{}
	for _, field := range decision.Headers {
		name := http.CanonicalHeaderKey(field[0])
		if !set[name] {
			header.Del(name)
		}
		set[name] = true
		header.Add(name, field[1])
	}
	if decision.Status != http.StatusNoContent && decision.Status != http.StatusNotModified {
		header.Set("Content-Length", strconv.Itoa(len(decision.Body)))
	}
	a.ResponseWriter.WriteHeader(decision.Status)
	// What is written to an answer to HEAD goes nowhere (net/http).
	_, _ = io.WriteString(a.ResponseWriter, decision.Body)
	return true
}

// WriteHeader implements http.ResponseWriter.
func (a *answering) WriteHeader(status int) {
	if !a.instead() {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (a *answering) Write(body []byte) (int, error) {
	if a.instead() {
		return len(body), nil
	}
	return a.ResponseWriter.Write(body)
}

// ReadFrom implements io.ReaderFrom, which a blob goes out by without a copy.
func (a *answering) ReadFrom(from io.Reader) (int64, error) {
	if a.instead() {
		return io.Copy(io.Discard, from)
	}
	return io.Copy(a.ResponseWriter, from)
}

// Flush implements http.Flusher.
func (a *answering) Flush() {
	a.instead()
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (a *answering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }
