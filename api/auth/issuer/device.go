package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of logins that wait for their user (RFC 8628).
const (
	maxDevices = 1000
	deviceLife = 10 * time.Minute
	// slower is how much longer a device waits that asks too often (section 3.5).
	slower = 5 * time.Second
	// Wrong codes of all users together, at once and a second: of 20^8 codes, a
	// guesser tries some eighty in a code's life (section 5.1).
	guessesAtOnce    = 20
	guessesPerSecond = 0.1
)

// userAlphabet has no vowels, so that no word comes of it (section 6.1).
const (
	userAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userLength   = 8
)

// device is a program that waits for its user to say yes.
type device struct {
	user     string // the code that the user types
	grant    Grant
	expires  time.Time
	interval time.Duration
	next     time.Time // when it may ask again
	answer   deviceAnswer
}

type deviceAnswer int

const (
	devicePending deviceAnswer = iota
	deviceAllowed
	deviceDenied
)

// devices are the logins that wait. They are kept in memory: who is in the
// middle of one when the issuer is restarted begins anew.
type devices struct {
	interval time.Duration
	now      func() time.Time
	guesses  *rate.Limiter

	mu     sync.Mutex
	byCode map[[sha256.Size]byte]*device // by the digest of the device's code
	byUser map[string]*device
}

func newDevices(interval time.Duration, now func() time.Time) *devices {
	return &devices{
		interval: interval, now: now, guesses: rate.NewLimiter(guessesPerSecond, guessesAtOnce),
		byCode: map[[sha256.Size]byte]*device{}, byUser: map[string]*device{},
	}
}

// begin makes the two codes of a login.
func (d *devices) begin(grant Grant) (code, user string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for key, waiting := range d.byCode {
		if !now.Before(waiting.expires) {
			d.remove(key, waiting)
		}
	}
	if len(d.byCode) >= maxDevices {
		return "", "", errBusy
	}
	for user == "" || d.byUser[user] != nil {
		user = newUserCode()
	}
	code = rand.Text()
	waiting := &device{user: user, grant: grant, expires: now.Add(deviceLife), interval: d.interval, next: now.Add(d.interval)}
	d.byCode[sha256.Sum256([]byte(code))], d.byUser[user] = waiting, waiting
	return code, user, nil
}

func (d *devices) remove(key [sha256.Size]byte, waiting *device) {
	delete(d.byCode, key)
	delete(d.byUser, waiting.user)
}

// newUserCode draws letters evenly: bytes that would favour some are thrown away.
func newUserCode() string {
	var code []byte
	for len(code) < userLength {
		var b [1]byte
		_, _ = rand.Read(b[:]) // it never fails
		if even := 256 - 256%len(userAlphabet); int(b[0]) < even {
			code = append(code, userAlphabet[int(b[0])%len(userAlphabet)])
		}
	}
	return string(code)
}

// The answers to a device that asks (RFC 8628 section 3.5).
var (
	errPending  = invalid("authorization_pending", "the user has not answered yet")
	errSlowDown = invalid("slow_down", "that was too soon; wait five seconds longer between questions")
	errDenied   = invalid("access_denied", "the user has said no")
	errExpired  = invalid("expired_token", "the code has expired or has been used; begin again")
)

// ask answers a device that asks for its user's answer. A yes or no is told once.
func (d *devices) ask(code, client string) (Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	key := sha256.Sum256([]byte(code))
	waiting := d.byCode[key]
	if waiting == nil || waiting.grant.Client != client || !now.Before(waiting.expires) {
		return Grant{}, errExpired
	}
	if waiting.answer == devicePending {
		early := now.Before(waiting.next)
		if early {
			waiting.interval += slower
		}
		waiting.next = now.Add(waiting.interval)
		if early {
			return Grant{}, errSlowDown
		}
		return Grant{}, errPending
	}
	d.remove(key, waiting)
	if waiting.answer == deviceDenied {
		return Grant{}, errDenied
	}
	return waiting.grant, nil
}

// decide is the user's answer: a nil user says no. It reports whether the code
// is one that waits. Once too many were wrong, right ones aren't looked at
// either, and the error is errBusy.
func (d *devices) decide(user string, as *User) (bool, error) {
	if d.guesses.TokensAt(d.now()) < 1 {
		return false, errBusy
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	waiting := d.byUser[userCode(user)]
	if waiting == nil || waiting.answer != devicePending || !d.now().Before(waiting.expires) {
		d.guesses.AllowN(d.now(), 1)
		return false, nil
	}
	if as == nil {
		waiting.answer = deviceDenied
		return true, nil
	}
	grant := waiting.grant
	grant.User, grant.Groups = as.Name, as.Groups
	if err := grant.Validate(); err != nil {
		return false, invalid("invalid_request", "%v", err)
	}
	waiting.grant, waiting.answer = grant, deviceAllowed
	return true, nil
}

// userCode is a code as it is kept, however it was typed.
func userCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userAlphabet, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed[:min(len(typed), 4*userLength)]))
}

// deviceCodes is what a device is told (RFC 8628 section 3.2).
type deviceCodes struct {
	Device    string `json:"device_code"`
	User      string `json:"user_code"`
	Page      string `json:"verification_uri"`
	WholePage string `json:"verification_uri_complete"`
	ExpiresIn int64  `json:"expires_in"`
	Interval  int64  `json:"interval"`
}

// deviceCode answers POST /devicecode.
func (s *Server) deviceCode(w http.ResponseWriter, c client, form url.Values) error {
	grant, err := s.asked(c, form)
	if err != nil {
		return err
	}
	device, user, err := s.devices.begin(grant)
	if err != nil {
		return err
	}
	user = user[:userLength/2] + "-" + user[userLength/2:]
	page := strings.TrimSuffix(s.URL, "/") + pagePath
	write(w, http.StatusOK, deviceCodes{
		Device: device, User: user, Page: page, WholePage: page + "?user_code=" + user,
		ExpiresIn: int64(deviceLife.Seconds()), Interval: int64(s.Interval.Seconds()),
	})
	return nil
}

// byDevice gives a device the tokens of its user.
func (s *Server) byDevice(c client, form url.Values) (*tokenAnswer, error) {
	grant, err := s.devices.ask(form.Get("device_code"), c.id)
	if err != nil {
		return nil, err
	}
	return s.begin(grant, s.Lifetime)
}
