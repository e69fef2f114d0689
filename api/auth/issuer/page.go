package issuer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is what the one page shows.
type page struct {
	Issuer string
	Style  template.CSS
	Code   string
	Users  []User // to choose from; none: a name is typed
	User   string
	Groups string
	Wrong  string // what was wrong with what was sent
	Done   string // what has come of it
}

// showPage answers GET /device.
func (s *Server) showPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, page{Code: r.URL.Query().Get("user_code")})
}

// takePage answers POST /device.
func (s *Server) takePage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.show(w, http.StatusBadRequest, page{Wrong: "The form can't be read."})
		return
	}
	form := r.PostForm
	sent := page{Code: form.Get("user_code"), User: strings.TrimSpace(form.Get("user")), Groups: form.Get("groups")}
	var as *User
	if form.Get("answer") == "yes" {
		user, err := s.chosen(sent)
		if err != nil {
			sent.Wrong = err.Error()
			s.show(w, http.StatusBadRequest, sent)
			return
		}
		as = &user
	}
	found, err := s.devices.decide(sent.Code, as)
	var refused *Refusal
	switch {
	case errors.As(err, &refused):
		sent.Wrong = refused.Description
		s.show(w, refused.Status, sent)
	case !found:
		sent.Wrong = "No program waits with this code: it has expired, has been used, or is mistyped."
		s.show(w, http.StatusBadRequest, sent)
	case as == nil:
		s.Logger.Info("a login was refused")
		s.show(w, http.StatusOK, page{Done: "Refused: the program gets no token."})
	default:
		s.Logger.Info("a login was allowed", "user", as.Name, "groups", as.Groups)
		s.show(w, http.StatusOK, page{Done: "Done: the program goes on as " + as.Name + ". You can close this page."})
	}
}

// chosen is the user that was chosen or typed.
func (s *Server) chosen(sent page) (User, error) {
	if len(s.Users) == 0 {
		user := User{Name: sent.User, Groups: strings.Fields(sent.Groups)}
		return user, Grant{User: user.Name, Groups: user.Groups}.Validate()
	}
	at := slices.IndexFunc(s.Users, func(u User) bool { return u.Name == sent.User })
	if at < 0 {
		return User{}, errors.New("there is no such user")
	}
	return s.Users[at], nil
}

// show writes the page. Nothing runs on it, and it sends its form here alone.
func (s *Server) show(w http.ResponseWriter, status int, p page) {
	p.Issuer, p.Style, p.Users = s.URL, template.CSS(pageStyle), s.Users
	sum := sha256.Sum256([]byte(pageStyle))
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Content-Type", "text/html; charset=utf-8")
	var text strings.Builder
	if err := s.page.Execute(&text, p); err != nil {
		s.Logger.Error("the page can't be made", "error", err)
		http.Error(w, "the page can't be made", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text.String()))
}
