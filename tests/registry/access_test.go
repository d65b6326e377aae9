package registrytests

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestEverybodyPullsWhatIsPublicAndNothingElse(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		image := newImage(t)
		owner := alice(t, w, crane)
		owner.does(crane.push(image, w.reference("public/base:v1")))
		owner.does(crane.push(image, w.reference("team/private:v1")))
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				anybody := somebody(t, w)
				pulled := filepath.Join(t.TempDir(), "image")
				anybody.does(client.pull(w.reference("public/base:v1"), pulled))
				anybody.isRefused(client.pull(w.reference("team/private:v1"), pulled), "")
				anybody.isRefused(client.push(image, w.reference("public/base:v2")), "")
			})
		}
	})
}

func TestAUserSignsInWithTheRightPasswordAlone(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				wrong := somebody(t, w)
				output, err := wrong.tries(client.login(w.host(), "alice"), "queen")
				if client.believes == (err != nil) {
					t.Errorf("login with a wrong password: %v: %s", err, output)
				}
				if client.believes {
					output = wrong.isRefused(client.digest(w.reference("acme/app:v1")), "")
				}
				if strings.Contains(output, "queen") {
					t.Errorf("the password is in the output: %s", output)
				}
				somebody(t, w).signsIn(client, w, "alice", "wonderland")
			})
		}
	})
}

func TestAUserPushesPullsListsAndDeletes(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				owner, image := alice(t, w, client), newImage(t)
				repository := w.reference("acme/" + client.name)
				owner.does(client.push(image, repository+":v1"))
				if digest := owner.does(client.digest(repository + ":v1")); strings.TrimSpace(digest) != image.digest {
					t.Errorf("pushed %s, there is %s", image.digest, digest)
				}
				owner.does(client.pull(repository+":v1", filepath.Join(t.TempDir(), "image")))
				if tags := owner.does(client.tags(repository)); !strings.Contains(tags, "v1") {
					t.Errorf("tags: %s", tags)
				}
				if client.catalog != nil {
					if all := owner.does(client.catalog(w.host())); !strings.Contains(all, "acme/"+client.name) {
						t.Errorf("catalog: %s", all)
					}
				}
				owner.does(client.delete(repository, image.digest))
				owner.isRefused(client.digest(repository+":v1"), "")
			})
		}
	})
}

func TestAUserDoesNoMoreThanIsGranted(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		image := newImage(t)
		alice(t, w, crane).does(crane.push(image, w.reference("team/app:v1")))
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				reader := somebody(t, w)
				reader.signsIn(client, w, "bob", "looking glass")
				reader.does(client.pull(w.reference("team/app:v1"), filepath.Join(t.TempDir(), "image")))
				reader.isRefused(client.push(image, w.reference("team/app:v2")), "")
				reader.isRefused(client.delete(w.reference("team/app"), image.digest), "")
				if client.catalog != nil {
					reader.isRefused(client.catalog(w.host()), "")
				}
			})
		}
		owner := alice(t, w, crane)
		if digest := owner.does(crane.digest(w.reference("team/app:v1"))); strings.TrimSpace(digest) != image.digest {
			t.Errorf("%s is there after all: %s", image.digest, digest)
		}
		if tags := owner.does(crane.tags(w.reference("team/app"))); strings.Contains(tags, "v2") {
			t.Errorf("tags: %s", tags)
		}
	})
}

// A mount is a POST that names where the blob is from, and is answered with 201: nothing is uploaded.
func TestABlobIsMountedFromAnotherRepository(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				owner, image := alice(t, w, client), newImage(t)
				from, to := w.reference("from/"+client.name+":v1"), w.reference("to/"+client.name+":v1")
				owner.does(client.push(image, from))
				w.registry.forget()
				owner.does(client.copy(from, to))
				mounted := w.registry.count(func(p passed) bool {
					asked, err := url.Parse(p.target)
					return err == nil && p.method == http.MethodPost && p.status == http.StatusCreated &&
						asked.Query().Get("from") == "from/"+client.name && strings.HasPrefix(asked.Query().Get("mount"), "sha256:")
				})
				if mounted < layers {
					t.Errorf("%d of %d layers were mounted", mounted, layers)
				}
				if digest := owner.does(client.digest(to)); strings.TrimSpace(digest) != image.digest {
					t.Errorf("%s is there", digest)
				}
			})
		}
	})
}

func TestReferrersAreAttachedAndFound(t *testing.T) {
	each(t, everyOne, setup{}, func(t *testing.T, w *world, _ subject) {
		owner, image := alice(t, w, oras, crane), newImage(t)
		reference := w.reference("acme/app:v1")
		owner.does(oras.push(image, reference))
		write(t, filepath.Join(owner.home, "bom.json"), `{"bom":1}`)
		owner.does(words("oras attach --no-tty --plain-http --artifact-type application/vnd.bom", reference, "bom.json:application/json"))
		found := owner.does(words("oras discover --plain-http --format json", reference))
		if !strings.Contains(found, "application/vnd.bom") {
			t.Errorf("discovered: %s", found)
		}
		asked := w.registry.that(func(p passed) bool { return strings.Contains(p.target, "/referrers/") && p.status != 401 })
		if len(asked) == 0 {
			t.Error("nobody asked for referrers")
		}
		// Neither registry has the endpoint: the client falls back to the tag that is named for the digest.
		for _, one := range asked {
			if one.status != http.StatusNotFound {
				t.Errorf("referrers: %s", one)
			}
		}
		tags := owner.does(crane.tags(w.reference("acme/app")))
		if !strings.Contains(tags, strings.Replace(image.digest, ":", "-", 1)) {
			t.Errorf("tags: %s", tags)
		}
	})
}

func TestAChallengeNamesWhatIsNeeded(t *testing.T) {
	each(t, withTokens, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, one := range []struct {
			method, target string
			// Any of these: docker-registry keeps the actions in a map, so that they come in any order.
			scopes []string
		}{
			{"GET", "/v2/", []string{""}},
			{"GET", "/v2/_catalog", []string{"registry:catalog:*"}},
			{"GET", "/v2/acme/app/tags/list", []string{"repository:acme/app:pull"}},
			{"PUT", "/v2/acme/app/manifests/v1", []string{"repository:acme/app:pull,push", "repository:acme/app:push,pull"}},
			{"DELETE", "/v2/acme/app/manifests/sha256:" + strings.Repeat("0", 64), []string{"repository:acme/app:delete"}},
		} {
			answer := ask(t, one.method, w.registryURL()+one.target, nil, "")
			challenge := answer.header.Get("WWW-Authenticate")
			for _, part := range []string{fmt.Sprintf("Bearer realm=%q", w.realm()), fmt.Sprintf("service=%q", service)} {
				if !strings.Contains(challenge, part) {
					t.Errorf("%s %s: %s", one.method, one.target, challenge)
				}
			}
			named := slices.ContainsFunc(one.scopes, func(scope string) bool {
				return scope == "" || strings.Contains(challenge, fmt.Sprintf("scope=%q", scope))
			})
			if answer.status != 401 || !named {
				t.Errorf("%s %s: %d %s", one.method, one.target, answer.status, challenge)
			}
		}
	})
}
