package controller

import (
	"fmt"
	"net/http"
	"strings"

	"portcullis.example/registry/gate"
)

// denial is a decision that goes to the client. The registry writes a 401 for it; the middleware writes what was decided instead.
type denial struct {
	decision *gate.Decision
	// why is for logs.
	why string
}

// Error is for logs.
func (d *denial) Error() string {
	return fmt.Sprintf("portcullis denies with %d: %s", d.decision.Status, d.why)
}

// SetHeaders gives the decision to the middleware. Where there is none, the answer is a 401 with the decision's challenge.
func (d *denial) SetHeaders(r *http.Request, w http.ResponseWriter) {
	if exchange := exchangeOf(r.Context()); exchange != nil {
		exchange.denied = d.decision
		return
	}
	for _, field := range d.decision.Headers {
		// The body is the registry's own.
		if !strings.HasPrefix(http.CanonicalHeaderKey(field[0]), "Content-") {
			w.Header().Add(field[0], field[1])
		}
	}
}

// decided is a denial that the gate decided.
func decided(decision *gate.Decision) *denial {
	why := make([]string, 0, len(decision.Findings))
	for _, finding := range decision.Findings {
		why = append(why, finding.Code+": "+finding.Detail)
	}
	return &denial{decision, strings.Join(why, "; ")}
}

// unavailable is the denial where nobody knows. The client is told no more than that.
func unavailable(why string) *denial {
	return &denial{answer(http.StatusServiceUnavailable, "UNAVAILABLE", "service unavailable", gate.Field{"Retry-After", "5"}), why}
}

// notJudged is the denial where the registry wants more than the gate was asked about.
func notJudged(why string) *denial {
	return &denial{answer(http.StatusForbidden, "DENIED", "requested access to the resource is denied"), why}
}

// answer is a denial in the form of the OCI Distribution Specification, "Error Codes".
func answer(status int, code, message string, more ...gate.Field) *gate.Decision {
	return &gate.Decision{
		Outcome: "deny",
		Status:  status,
		Headers: append(more, gate.Field{"Content-Type", "application/json"}, gate.Field{"Cache-Control", "no-store"}),
		Body:    fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`, code, message),
	}
}
