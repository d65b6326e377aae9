package gate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"portcullis.example/registry/documents"
)

// hostile is the one table of hostile URLs: it stands where the gate admits URLs.
func hostile(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, "components", "gate", "src", "origin.rs"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(source), "fn hostile_urls_are_not_admitted")
	_, after, also := strings.Cut(after, "for url in [")
	table, _, end := strings.Cut(after, "\n        ]")
	if !found || !also || !end {
		t.Fatal("the table of hostile URLs is elsewhere")
	}
	var all []string
	for _, text := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(table, -1) {
		url, err := strconv.Unquote(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, url)
	}
	if len(all) < 30 {
		t.Fatalf("%d hostile URLs", len(all))
	}
	return all
}

func TestAHostileURLIsNoPlaceToBeRedirectedTo(t *testing.T) {
	gate := opened(t, policyOf("https://keys.example/jwks", ""), 1, nil)
	admitted := func(class documents.Class, location string) error {
		need := documents.Need{URL: "https://keys.example/jwks", Class: class, Kind: "keys", Most: 1_000}
		return gate.current.use(context.Background(), gate.current.slots[0], func(session *session) error {
			return session.admitRedirect(need, 0, location)
		})
	}
	refusal := (*Refusal)(nil)
	for _, url := range hostile(t) {
		for _, class := range []documents.Class{documents.Policy, documents.Credential, documents.Peer} {
			if err := admitted(class, url); !errors.As(err, &refusal) || refusal.Code != "fetch.url_not_allowed" {
				t.Errorf("%s %q: %v", class, url, err)
			}
		}
	}
	if err := admitted(documents.Credential, "https://a.example/x?y"); err != nil {
		t.Error(err)
	}
}
