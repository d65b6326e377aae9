package registrytests

import (
	"path/filepath"
	"strings"
	"testing"
)

// open is the registry that has the plugin within, and is not told to use it.
var open = subject{"without authentication", false, func(w *world) { w.serveDistribution3("") }}

func TestARegistryWithoutAuthenticationIsLeftAlone(t *testing.T) {
	each(t, []subject{open}, setup{}, func(t *testing.T, w *world, _ subject) {
		got := ask(t, "GET", w.registryURL()+"/v2/", nil, "")
		if got.status != 200 || got.body != "{}" || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("/v2/: %v", got)
		}
		got = ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential("Bearer nonsense"), "")
		if got.status != 404 || !strings.Contains(got.body, "NAME_UNKNOWN") {
			t.Errorf("tags of nothing: %v", got)
		}
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				anybody, image := somebody(t, w), newImage(t)
				repository := w.reference("acme/" + client.name)
				anybody.does(client.push(image, repository+":v1"))
				anybody.does(client.pull(repository+":v1", filepath.Join(t.TempDir(), "image")))
				if client.catalog != nil {
					if all := anybody.does(client.catalog(w.host())); !strings.Contains(all, "acme/"+client.name) {
						t.Errorf("catalog: %s", all)
					}
				}
				anybody.does(client.delete(repository, image.digest))
				anybody.isRefused(client.digest(repository+":v1"), "")
			})
		}
	})
}
