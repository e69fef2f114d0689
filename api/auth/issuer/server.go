package issuer

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Options are what an issuer is made of.
type Options struct {
	// Dir is the directory for all that must survive; it is made if it isn't there.
	Dir string
	Identity
	// Algorithm is that of the first key; "" is ES256.
	Algorithm Algorithm
	// Clients are the programs that may ask. None: the public client "starling".
	Clients []Client
	// Users are those that can log in. None: whoever types a name.
	Users []User
	// Scopes are what may be asked for; none: DefaultScopes.
	Scopes []string
	// Lifetime is that of an access token; 0 is an hour.
	Lifetime time.Duration
	// Interval is the time between two questions of a device; 0 is five seconds.
	Interval time.Duration
	// Now tells the time.
	Now func() time.Time
	// Logger is told of what an operator should know; nil: nobody is.
	Logger *slog.Logger
}

// User is somebody who can log in.
type User struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups,omitempty"`
}

// maxUsers bounds the users that a page lists.
const maxUsers = 1000

// Server is an issuer, to be served at its URL. It is safe for concurrent use.
type Server struct {
	Options
	dir     *Directory
	host    string
	store   *store
	clients clients
	devices *devices
	calls   *rate.Limiter // of all calls that cost something
	mux     *http.ServeMux
	page    *template.Template
	origins *http.CrossOriginProtection
}

// Rates of calls that cost a signature or room, of all callers together: enough
// for a test bench, too few to keep a machine busy.
const (
	callsAtOnce    = 400
	callsPerSecond = 200
)

// New returns an issuer with what is in its directory. Close ends it.
func New(o Options) (*Server, error) {
	if o.Profile == "" {
		o.Profile = ProfileWLCG
	}
	if o.Algorithm == "" {
		o.Algorithm = ES256
	}
	if len(o.Scopes) == 0 {
		o.Scopes = DefaultScopes()
	}
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.Interval == 0 {
		o.Interval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	known, err := newClients(o.Clients)
	if err != nil {
		return nil, err
	}
	dir, err := MakeDirectory(o.Dir, o.Identity, o.Algorithm, o.Now)
	if err != nil {
		return nil, err
	}
	secret, err := dir.Secret()
	if err != nil {
		return nil, err
	}
	known[AdminClient] = Client{ID: AdminClient, Secret: secret}.digested()
	kept, err := openStore(o.Dir, o.Now)
	if err != nil {
		return nil, err
	}
	at, _ := url.Parse(o.URL) // it was checked
	s := &Server{
		Options: o, dir: dir, host: at.Host, store: kept, clients: known,
		devices: newDevices(o.Interval, o.Now), calls: rate.NewLimiter(callsPerSecond, callsAtOnce),
		mux: http.NewServeMux(), page: template.Must(template.New("page").Parse(pageText)), origins: http.NewCrossOriginProtection(),
	}
	s.routes()
	return s, nil
}

func (o *Options) check() error {
	if len(o.Users) > maxUsers {
		return fmt.Errorf("%d users; at most %d", len(o.Users), maxUsers)
	}
	for _, u := range o.Users {
		if err := (Grant{User: u.Name, Groups: u.Groups}).Validate(); err != nil {
			return fmt.Errorf("user %.40q: %w", u.Name, err)
		}
	}
	if o.Lifetime < time.Second || o.Lifetime > MaxLifetime {
		return fmt.Errorf("lifetime %s of tokens is not between a second and %s", o.Lifetime, MaxLifetime)
	}
	return checkScope(o.Scopes)
}

// checkURL wants the URL of an issuer whose paths are its own.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return fmt.Errorf("%.80q is not the URL of an issuer, as https://issuer.example.org is, without a path", text)
	}
	return nil
}

// Directory is what the issuer is known by.
func (s *Server) Directory() *Directory { return s.dir }

// Close ends the issuer.
func (s *Server) Close() error { return s.store.close() }

// The paths of an issuer.
const (
	discoveryPath  = "/.well-known/openid-configuration"
	discoveryPath2 = "/.well-known/oauth-authorization-server" // RFC 8414
	keysPath       = "/jwks"
	tokenPath      = "/token"
	codePath       = "/devicecode"
	pagePath       = "/device"
	introspectPath = "/introspect"
	revokePath     = "/revoke"
)

func (s *Server) routes() {
	s.mux.HandleFunc("GET "+discoveryPath, s.discover)
	s.mux.HandleFunc("GET "+discoveryPath2, s.discover)
	s.mux.HandleFunc("GET "+keysPath, s.keys)
	s.mux.HandleFunc("GET "+pagePath, s.showPage)
	s.mux.HandleFunc("POST "+pagePath, s.takePage)
	s.mux.HandleFunc("POST "+tokenPath, s.form(s.token))
	s.mux.HandleFunc("POST "+codePath, s.form(s.deviceCode))
	s.mux.HandleFunc("POST "+introspectPath, s.form(s.introspect))
	s.mux.HandleFunc("POST "+revokePath, s.form(s.revokeToken))
}

// maxBody bounds what is posted, in bytes.
const maxBody = 64 << 10

// ServeHTTP implements http.Handler. It asks for the issuer's own host, so that
// no page of another name that leads here (DNS rebinding) reads an answer, and
// refuses what a page of another origin sends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if !s.ours(r.Host) {
		s.fail(w, r, refuse(http.StatusMisdirectedRequest, "invalid_request", "this is the issuer %s, and not what was asked for", s.URL))
		return
	}
	if err := s.origins.Check(r); err != nil {
		s.fail(w, r, refuse(http.StatusForbidden, "invalid_request", "the request comes from a page of another site"))
		return
	}
	if r.Method == http.MethodPost && !s.calls.AllowN(s.Now(), 1) {
		s.fail(w, r, errBusy)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// ours reports whether a host is the issuer's own, or loopback where that is.
func (s *Server) ours(host string) bool {
	return strings.EqualFold(host, s.host) || loopback(host) && loopback(s.host)
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// fail answers an error: those meant for the caller as they are, all others
// with nothing but a line in the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused *Refusal
	if !errors.As(err, &refused) {
		s.Logger.Error("a request failed", "path", r.URL.Path, "error", err)
		refused = refuse(http.StatusInternalServerError, "server_error", "the issuer's log says what went wrong")
	}
	refused.write(w)
}
