package api

import (
	"net/http"

	"starling/api/ivoa"
	"starling/node"
)

// checkPolicy answers POST /policy/check: what the site's policy makes of a
// request, and by which rules. The answer is 200, be it YES or NO.
func (s *Server) checkPolicy(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	q := v.query("user", "issuer", "group", "proposal", "at")
	whom := node.PolicySubject{User: q.text("user"), Issuer: q.text("issuer"), Groups: q.list("group"), Proposal: q.text("proposal")}
	at := q.instant("at")
	if q.err != nil {
		return q.err
	}
	var request ivoa.ExecutionRequest
	notices, err := v.decode(&request)
	if err != nil {
		return err
	}
	check, err := s.Broker.CheckPolicy(v.Request().Context(), v.caller, whom, &request, notices, at)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, check)
}
