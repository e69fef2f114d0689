package issuer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Bounds of what is kept for strangers.
const (
	maxFamilies = 10_000 // logins that can be refreshed
	maxRevoked  = 50_000 // access tokens that were revoked and have not expired
	// familyLife is for how long a login can be refreshed.
	familyLife = 30 * 24 * time.Hour
)

var (
	families = []byte("families") // id → family
	revoked  = []byte("revoked")  // jti → when the token expires, RFC 3339
	meta     = []byte("meta")
	macKey   = []byte("refresh-key")
)

// errNoFamily says that a refresh token was shown twice, has expired or was
// revoked, or never was one.
var errNoFamily = errors.New("the refresh token is not good any more")

// family is one login: refresh tokens of which each replaces the one before.
type family struct {
	Grant      Grant     `json:"grant"`
	Generation uint64    `json:"generation"` // of the one that is good
	Expires    time.Time `json:"expires"`
}

// store keeps what refresh tokens stand for, and which tokens were revoked.
type store struct {
	db  *bbolt.DB
	key []byte // of the code by which refresh tokens are known
	now func() time.Time
}

func openStore(dir string, now func() time.Time) (*store, error) {
	path := filepath.Join(dir, storeFile)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if errors.Is(err, bbolt.ErrTimeout) {
		return nil, fmt.Errorf("another issuer works in %s; --data chooses another directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s := &store{db: db, now: now}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{families, revoked, meta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if key := tx.Bucket(meta).Get(macKey); key != nil {
			s.key = append([]byte(nil), key...)
			return nil
		}
		s.key = make([]byte, sha256.Size)
		_, _ = rand.Read(s.key) // it never fails
		return tx.Bucket(meta).Put(macKey, s.key)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *store) close() error { return s.db.Close() }

// begin begins a family, and returns its first refresh token.
func (s *store) begin(grant Grant) (string, error) {
	id := rand.Text()
	err := s.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(families)
		if err := makeRoom(bucket, maxFamilies, s.now(), func(value []byte) time.Time {
			var f family
			_ = json.Unmarshal(value, &f) // one that can't be read goes first
			return f.Expires
		}); err != nil {
			return err
		}
		return put(bucket, id, family{Grant: grant, Expires: s.now().Add(familyLife)})
	})
	if err != nil {
		return "", fmt.Errorf("keep a login: %w", err)
	}
	return s.refreshToken(id, 0), nil
}

// next takes a refresh token, and returns what it stands for and the one that
// replaces it. A token that was good once ends its family: of the two that have
// it, one has stolen it (RFC 9700 section 4.14.2). accept looks at the grant
// before anything is changed.
func (s *store) next(token string, accept func(Grant) error) (grant Grant, replaced string, err error) {
	id, generation, genuine := s.parse(token)
	if !genuine {
		return Grant{}, "", errNoFamily
	}
	var refused error
	err = s.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(families)
		var f family
		text := bucket.Get([]byte(id))
		if text == nil {
			refused = errNoFamily
			return nil
		}
		if err := json.Unmarshal(text, &f); err != nil {
			return err
		}
		if refused = accept(f.Grant); refused != nil {
			return nil
		}
		if generation != f.Generation || !s.now().Before(f.Expires) {
			refused = errNoFamily
			return bucket.Delete([]byte(id))
		}
		f.Generation++
		grant, replaced = f.Grant, s.refreshToken(id, f.Generation)
		return put(bucket, id, f)
	})
	return grant, replaced, errors.Join(err, refused)
}

// end ends the family of a refresh token, if it is the client's. It reports
// whether the token is a refresh token of this issuer at all.
func (s *store) end(token, client string) (bool, error) {
	id, _, genuine := s.parse(token)
	if !genuine {
		return false, nil
	}
	return true, s.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(families)
		var f family
		if text := bucket.Get([]byte(id)); text == nil || json.Unmarshal(text, &f) == nil && f.Grant.Client != client {
			return nil
		}
		return bucket.Delete([]byte(id))
	})
}

// revoke notes that an access token counts no more.
func (s *store) revoke(jti string, expires time.Time) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(revoked)
		if err := makeRoom(bucket, maxRevoked, s.now(), func(value []byte) time.Time {
			at, _ := time.Parse(time.RFC3339, string(value))
			return at
		}); err != nil {
			return err
		}
		return bucket.Put([]byte(jti), []byte(expires.UTC().Format(time.RFC3339)))
	})
}

// isRevoked reports whether an access token was revoked.
func (s *store) isRevoked(jti string) (is bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		is = tx.Bucket(revoked).Get([]byte(jti)) != nil
		return nil
	})
	return is, err
}

// makeRoom drops what has expired once a bucket is full, and if that is not
// enough what expires first.
func makeRoom(bucket *bbolt.Bucket, most int, now time.Time, expires func([]byte) time.Time) error {
	if bucket.Stats().KeyN < most {
		return nil
	}
	var first []byte
	var firstExpires time.Time
	var over [][]byte
	err := bucket.ForEach(func(k, v []byte) error {
		at := expires(v)
		if !now.Before(at) {
			over = append(over, k)
		}
		if first == nil || at.Before(firstExpires) {
			first, firstExpires = k, at
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(over) == 0 {
		over = append(over, first)
	}
	for _, k := range over {
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func put(bucket *bbolt.Bucket, id string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return bucket.Put([]byte(id), text)
}

// refreshToken is FAMILY.GENERATION.CODE. The code shows that it was made here:
// a guess doesn't end anybody's login.
func (s *store) refreshToken(id string, generation uint64) string {
	body := id + "." + strconv.FormatUint(generation, 10)
	return body + "." + base64.RawURLEncoding.EncodeToString(s.code(body))
}

func (s *store) code(body string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// parse reads a refresh token, and reports whether it was made here.
func (s *store) parse(token string) (id string, generation uint64, genuine bool) {
	parts := strings.Split(token, ".")
	if len(token) > maxRefreshToken || len(parts) != 3 {
		return "", 0, false
	}
	code, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(code, s.code(parts[0]+"."+parts[1])) {
		return "", 0, false
	}
	generation, err = strconv.ParseUint(parts[1], 10, 64)
	return parts[0], generation, err == nil
}

// maxRefreshToken bounds a refresh token that somebody shows, in bytes.
const maxRefreshToken = 256
