package registrytests

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// refreshed is a form that asks for a token with a refresh token.
func refreshed(token, scope string) url.Values {
	return url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {token}, "service": {service}, "client_id": {"test"}, "scope": {scope},
	}
}

// signsInForLong is a refresh token of a user.
func (w *world) signsInForLong(t *testing.T, user, password string) string {
	t.Helper()
	got := ask(t, "GET", w.realm()+"?"+url.Values{"service": {service}, "offline_token": {"true"}, "client_id": {"test"}}.Encode(),
		credential(basic(user, password)), "")
	token := read[handedOut](t, got.body).RefreshToken
	if got.status != 200 || token == "" {
		t.Fatalf("no refresh token: %v", got)
	}
	return token
}

func TestARefreshTokenIsReplacedAtEachUse(t *testing.T) {
	each(t, withTokens, setup{}, func(t *testing.T, w *world, _ subject) {
		token := w.signsInForLong(t, "alice", "wonderland")
		for range 3 {
			got := w.posts(t, refreshed(token, "repository:acme/app:pull"))
			if got.status != 200 {
				t.Fatalf("refused: %v", got)
			}
			out := read[handedOut](t, got.body)
			if out.RefreshToken == "" || out.RefreshToken == token || out.AccessToken != out.Token || out.Scope != "repository:acme/app:pull" {
				t.Errorf("got %v", got)
			}
			token = out.RefreshToken
			// There is nothing yet, which who may not pull is not told.
			at := ask(t, "GET", w.registryURL()+"/v2/acme/app/tags/list", credential("Bearer "+out.Token), "")
			if at.status != 404 {
				t.Errorf("at the registry: %v", at)
			}
		}
		if got := ask(t, "GET", w.registryURL()+"/v2/", credential("Bearer "+token), ""); got.status != 401 {
			t.Errorf("a refresh token at the registry: %v", got)
		}
		// OAuth 2.0's own way of signing in gives one where it is asked for.
		got := w.posts(t, url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"wonderland"}, "service": {service},
			"client_id": {"test"}, "access_type": {"offline"}})
		if got.status != 200 || read[handedOut](t, got.body).RefreshToken == "" {
			t.Errorf("by password: %v", got)
		}
	})
}

func TestClientsPushWithNothingButARefreshToken(t *testing.T) {
	each(t, withTokens, setup{}, func(t *testing.T, w *world, _ subject) {
		for _, client := range clients {
			t.Run(client.name, func(t *testing.T) {
				user, image := somebody(t, w), newImage(t)
				stored := encoded(t, map[string]any{"auths": map[string]any{w.host(): map[string]any{
					"auth":          strings.TrimPrefix(basic("00000000-0000-0000-0000-000000000000", ""), "Basic "),
					"identitytoken": w.signsInForLong(t, "alice", "wonderland"),
				}}})
				write(t, filepath.Join(user.home, "docker/config.json"), stored)
				write(t, filepath.Join(user.home, "auth.json"), stored)
				w.tokens.forget()
				user.does(client.push(image, w.reference("acme/"+client.name+":v1")))
				if w.tokens.count(func(p passed) bool { return p.method == "POST" && p.status == 200 }) == 0 {
					t.Error("the refresh token was not used")
				}
			})
		}
	})
}

func TestANewPasswordEndsRefreshTokens(t *testing.T) {
	each(t, []subject{plugin}, setup{}, func(t *testing.T, w *world, _ subject) {
		alices, bobs := w.signsInForLong(t, "alice", "wonderland"), w.signsInForLong(t, "bob", "looking glass")
		// alice takes bob's password for hers, and bob keeps his.
		write(t, w.path("users"), "alice:"+lookingGlass+"\nbob:"+lookingGlass+"\n")
		await(t, "the new password counts", func() bool {
			return w.asksForToken(t, basic("alice", "looking glass"), "").status == 200
		})
		got := w.posts(t, refreshed(alices, "repository:acme/app:pull"))
		if got.status != 401 && got.status != 400 || !strings.Contains(got.body, "invalid_grant") {
			t.Errorf("the refresh token of before: %v", got)
		}
		if got := w.asksForToken(t, basic("alice", "wonderland"), ""); got.status != 401 {
			t.Errorf("the password of before: %v", got)
		}
		if got := w.posts(t, refreshed(bobs, "repository:team/app:pull")); got.status != 200 {
			t.Errorf("another user: %v", got)
		}
	})
}
