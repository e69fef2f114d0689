package api

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"starling/api/despatch"
	"starling/node"
)

// fileList is what GET /sessions/{uuid}/files answers.
type fileList struct {
	Files []listedFile `json:"files"`
}

// listedFile is a file with where to get it.
type listedFile struct {
	Name     string    `json:"name"`
	URL      string    `json:"url"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	Open     bool      `json:"open,omitempty"`
}

// files answers GET /sessions/{uuid}/files.
func (s *Server) files(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	files, err := s.Broker.Files(v.Request().Context(), v.caller, id)
	if err != nil {
		return err
	}
	list := fileList{Files: make([]listedFile, 0, len(files))}
	for _, f := range files {
		list.Files = append(list.Files, listedFile{
			Name: f.Name, URL: v.absolute("/sessions/" + id.String() + "/files/" + escape(f.Name)),
			Bytes: f.Bytes, SHA256: f.SHA256, Modified: f.Modified, Open: f.Open,
		})
	}
	return v.answerJSON(http.StatusOK, list)
}

// file answers GET /sessions/{uuid}/files/{name}.
func (s *Server) file(v *visit) error {
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	name, err := v.fileName()
	if err != nil {
		return err
	}
	content, file, err := s.Broker.OpenFile(v.Request().Context(), v.caller, id, name)
	if err != nil {
		return err
	}
	defer content.Close()
	v.header().Set("Content-Disposition", disposition(file.Name))
	v.serve(content, file, contentType(file.Name))
	return nil
}

// stdout and stderr answer GET /sessions/{uuid}/stdout and …/stderr.
func (s *Server) stdout(v *visit) error { return v.output(despatch.RoleStdout) }
func (s *Server) stderr(v *visit) error { return v.output(despatch.RoleStderr) }

func (v *visit) output(role string) error {
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	q := v.query("follow")
	follow := q.flag("follow")
	if q.err != nil {
		return q.err
	}
	if follow && v.Request().Method == http.MethodGet {
		return v.followOutput(id, role)
	}
	content, file, err := v.server.Broker.OpenOutput(v.Request().Context(), v.caller, id, role)
	if err != nil {
		return err
	}
	defer content.Close()
	v.serve(content, file, plainText)
	return nil
}

const plainText = "text/plain; charset=utf-8"

// sandbox keeps a browser from doing anything with a user's file but showing
// or saving it: the files are anybody's, and this origin is ours.
const sandbox = "sandbox; default-src 'none'; frame-ancestors 'none'"

// serve writes a file, or the range of it that was asked for.
func (v *visit) serve(content io.ReadSeeker, file node.File, mediaType string) {
	h := v.header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Security-Policy", sandbox)
	modified := file.Modified
	if sum, err := hex.DecodeString(file.SHA256); err == nil && len(sum) == 32 && !file.Open {
		h.Set("ETag", `"`+file.SHA256+`"`)
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	if file.Open {
		modified = time.Time{} // it grows: its time says nothing
	}
	http.ServeContent(&patientWriter{visit: v}, v.Request(), "", modified, content)
}

// patientWriter lets an answer take as long as it likes, provided that the
// client keeps reading: the server's write timeout is for small answers.
type patientWriter struct {
	*visit
	extended time.Time
}

func (w *patientWriter) Header() http.Header    { return w.header() }
func (w *patientWriter) WriteHeader(status int) { w.Response().WriteHeader(status) }

func (w *patientWriter) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(w.extended) > time.Second {
		w.extended = now
		_ = w.control().SetWriteDeadline(now.Add(streamGrace))
	}
	return w.Response().Write(p)
}

// fileName is the rest of the path. What it may be is the broker's to say, who
// knows which files there are; this only keeps it a relative name.
func (v *visit) fileName() (string, error) {
	name := v.Param("*")
	if v.Request().URL.RawPath != "" { // then echo has not unescaped it
		unescaped, err := url.PathUnescape(name)
		if err != nil {
			return "", invalid("name", "it is not well escaped")
		}
		name = unescaped
	}
	if name == "" || name != strings.TrimPrefix(path.Clean("/"+name), "/") || strings.ContainsRune(name, 0) {
		return "", invalid("name", "want the name of a file as it is listed: relative, without . and ..")
	}
	return name, nil
}

// escape makes a file's name part of a path, keeping its slashes.
func escape(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// disposition makes browsers save a file under its own name. The first form is
// for old ones: whatever is not plain becomes an underscore.
func disposition(name string) string {
	base := path.Base(name)
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, base)
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(base), "+", "%20")
}

// contentType tells the type by the name, for a few that help and can do no
// harm. Everything else is bytes; browsers are told not to guess.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".txt", ".log", ".md":
		return plainText
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".json":
		return "application/json"
	case ".fits", ".fit":
		return "application/fits"
	case ".vot":
		return "application/x-votable+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".pdf":
		return "application/pdf"
	}
	return "application/octet-stream"
}
