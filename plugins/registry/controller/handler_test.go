package controller

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"portcullis.example/registry/gate"
)

// writer is one that tells how it was written to.
type writer struct {
	*httptest.ResponseRecorder
	readFrom int
}

func (w *writer) ReadFrom(from io.Reader) (int64, error) {
	w.readFrom++
	return io.Copy(w.ResponseRecorder, from)
}

func TestTheMiddlewareIsOutOfTheWay(t *testing.T) {
	under := &writer{ResponseRecorder: httptest.NewRecorder()}
	Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(206)
		if sent, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("a blob")}); sent != 6 || err != nil {
			t.Errorf("%d %v", sent, err)
		}
		w.(http.Flusher).Flush()
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("%v", err)
		}
	}), "").ServeHTTP(under, httptest.NewRequest("GET", "/", nil))
	if under.Code != 206 || under.Body.String() != "a blob" || under.readFrom == 0 || !under.Flushed {
		t.Errorf("%+v", under)
	}
}

func TestADenialIsWrittenOnceInPlaceOfAllElse(t *testing.T) {
	for what, write := range map[string]func(http.ResponseWriter){
		"a status":       func(w http.ResponseWriter) { w.WriteHeader(401) },
		"two":            func(w http.ResponseWriter) { w.WriteHeader(401); w.WriteHeader(500) },
		"a body":         func(w http.ResponseWriter) { _, _ = w.Write([]byte("other")); _, _ = w.Write([]byte("other")) },
		"a reader":       func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("other")) },
		"nothing as yet": func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
	} {
		under := &writer{ResponseRecorder: httptest.NewRecorder()}
		Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", "5")
			w.Header().Set("WWW-Authenticate", "Other")
			(&denial{&gate.Decision{Status: 403, Body: "{}", Headers: []gate.Field{
				{"Content-Type", "application/json"}, {"X", "1"}, {"x", "2"},
			}}, ""}).SetHeaders(r, w)
			write(w)
		}), "").ServeHTTP(under, httptest.NewRequest("GET", "/", nil))
		header := under.Result().Header
		if under.Code != 403 || under.Body.String() != "{}" || header.Get("Content-Type") != "application/json" ||
			header.Get("Content-Length") != "2" || header.Get("WWW-Authenticate") != "" || len(header["X"]) != 2 {
			t.Errorf("%s: %d %v %s", what, under.Code, header, under.Body.String())
		}
	}
}
