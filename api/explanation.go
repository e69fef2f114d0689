package api

import (
	"errors"
	"net/http"
)

// explanationPath is where it is told what became of a session, and why.
const explanationPath = "/sessions/:uuid/explanation"

// explanation answers GET /sessions/{uuid}/explanation.
func (s *Server) explanation(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	told, err := s.Broker.Explanation(v.Request().Context(), v.caller, id)
	if err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, told)
}

// explainAlone tells what this node knows of a session whose owner can't be reached:
// the record of its attempts. It reports whether there was anything to tell.
func (s *Server) explainAlone(v *visit, why error) bool {
	var f *fault
	if v.Path() != explanationPath || !errors.As(why, &f) || f.status != http.StatusServiceUnavailable || f.known == nil || len(f.known.Attempts) == 0 {
		return false
	}
	return s.explanation(v) == nil
}
