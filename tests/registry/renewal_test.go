package registrytests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A token that is too old or too narrow reaches the registry in the middle of a push: a proxy puts it in place of the client's, once. The
// registry itself refuses it, and the client has to fetch another and go on.

func TestATokenThatExpiresInTheMiddleOfAPushIsRenewed(t *testing.T) {
	expired := func(of *client) bool { return of.renews.expired }
	renewed(t, "invalid_token", expired, func(t *testing.T, w *world, repository string) string {
		return w.tokenOfThePast(t, basic("alice", "wonderland"), "repository:"+repository+":pull,push")
	})
}

func TestATokenOfTooLittleScopeIsReplaced(t *testing.T) {
	narrow := func(of *client) bool { return of.renews.narrow }
	renewed(t, "insufficient_scope", narrow, func(t *testing.T, w *world, repository string) string {
		return w.token(t, basic("alice", "wonderland"), "repository:"+repository+":pull").Token
	})
}

// renewed pushes with each client that does something about it, and puts a token that is no good in place of the client's at the third
// upload.
func renewed(t *testing.T, reason string, does func(*client) bool, bad func(*testing.T, *world, string) string) {
	each(t, withTokens, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			if !does(client) {
				continue
			}
			t.Run(client.name, func(t *testing.T) {
				owner, image := alice(t, w, client), newImage(t)
				repository := "acme/" + client.name
				token := bad(t, w, repository)
				w.registry.forget()
				w.tokens.forget()
				fetched := 0
				w.registry.atUpload(3, func(r *http.Request) {
					fetched = w.tokens.count(isTokenRequest)
					r.Header.Set("Authorization", "Bearer "+token)
				})
				owner.does(client.push(image, w.reference(repository+":v1")))

				refused := w.registry.that(func(p passed) bool { return p.credential == "Bearer "+token })
				if len(refused) != 1 || refused[0].status != 401 {
					t.Fatalf("the registry took the token: %v", refused)
				}
				// docker-registry names the actions in any order.
				for _, part := range []string{fmt.Sprintf("error=%q", reason), `scope="repository:` + repository + `:pu`} {
					if !strings.Contains(refused[0].challenge, part) {
						t.Errorf("challenge without %s: %s", part, refused[0].challenge)
					}
				}
				if now := w.tokens.count(isTokenRequest); fetched == 0 || now <= fetched {
					t.Errorf("%d tokens were fetched before, %d in all", fetched, now)
				}
				if digest := owner.does(client.digest(w.reference(repository + ":v1"))); strings.TrimSpace(digest) != image.digest {
					t.Errorf("%s is there", digest)
				}
			})
		}
	})
}

func isTokenRequest(p passed) bool { return strings.HasPrefix(p.target, "/token") && p.status == 200 }

// The token service's clock is so far behind that its tokens are over, by what it says of them, when a client gets them. Registries allow
// a minute's difference and take them. Clients that look at the time fetch another for what they do next.
func TestClientsThatLookAtTheTimeRenewTokensBeforehand(t *testing.T) {
	each(t, withTokens, setup{behind: 310 * time.Second}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				owner, image := alice(t, w, client), newImage(t)
				w.tokens.forget()
				owner.does(client.push(image, w.reference("acme/"+client.name+":v1")))
				if fetched := w.tokens.count(isTokenRequest); client.renews.clock != (fetched > layers) {
					t.Errorf("%d tokens were fetched", fetched)
				}
			})
		}
	})
}

// Keys change in the middle of a push. Tokens of the old key stay good, and those that are fetched then are of the new one.
func TestAPushOutlivesTheRotationOfKeys(t *testing.T) {
	t.Parallel()
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			t.Parallel()
			each(t, withTokens, setup{}, func(t *testing.T, w *world, _ subject) {
				owner, image := alice(t, w, client), newImage(t)
				bad := w.tokenOfThePast(t, basic("alice", "wonderland"), "repository:acme/app:pull,push")
				w.registry.forget()
				old := ""
				w.registry.atUpload(3, func(r *http.Request) {
					old = r.Header.Get("Authorization")
					w.rotate()
					w.knowsTheKey(t)
					// Who renews a token that is over gets one of the new key; others go on with theirs.
					if client.renews.expired {
						r.Header.Set("Authorization", "Bearer "+bad)
					}
				})
				owner.does(client.push(image, w.reference("acme/app:v1")))
				if !client.renews.expired {
					owner.does(client.digest(w.reference("acme/app:v1")))
				}
				before, after := kid(old), kid(w.token(t, basic("alice", "wonderland"), "").Token)
				if before == "" || after == before {
					t.Errorf("the key was %q, and is %q", before, after)
				}
				with := func(is string) int {
					return w.registry.count(func(p passed) bool { return kid(p.credential) == is && p.status < 400 })
				}
				if with(before) == 0 || with(after) == 0 {
					t.Errorf("%d requests with the old key, %d with the new one", with(before), with(after))
				}
				// What the old key signed is good for as long as it says.
				answer := ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential(old), "")
				if answer.status != 200 {
					t.Errorf("the token of before: %v", answer)
				}
				if !w.registryServer.alive() {
					t.Error("the registry has ended")
				}
			})
		})
	}
}

// The key set is fetched again every ten minutes here: a registry that is sent a key that it does not know looks for it before that, half a
// minute after it last did.
func TestARegistryLooksForAKeyThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	each(t, withTokens, setup{refresh: "10m"}, func(t *testing.T, w *world, _ subject) {
		alice(t, w, crane).does(crane.push(newImage(t), w.reference("acme/app:v1")))
		w.rotate()
		w.knowsTheKey(t)
	})
}

// knowsTheKey waits until the registry takes tokens of the key that signs now.
func (w *world) knowsTheKey(t *testing.T) {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + w.token(t, basic("alice", "wonderland"), "").Token}, "Host": {w.host()}}
	await(t, "the registry knows the new key", func() bool {
		// Past the proxy, where a request may be waiting for this.
		return ask(t, "GET", fmt.Sprintf("http://127.0.0.1:%d/v2/", w.registryPort), header, "").status == 200
	})
}
