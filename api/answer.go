package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"starling/api/ivoa"
)

// written is how documents of ours are written as JSON. Text of others (log
// lines, names of files) that is no UTF-8 is mended, rather than no answer
// given at all; times are as everywhere: RFC 3339, UTC, milliseconds; and zeros
// are left out where a tag says omitempty, as the authors of the types (package
// accounting's, say) mean it.
var written = json.JoinOptions(
	jsontext.AllowInvalidUTF8(true),
	json.WithMarshalers(json.MarshalToFunc(func(out *jsontext.Encoder, t time.Time) error {
		return out.WriteToken(jsontext.String(ivoa.At(t).String()))
	})),
	jsonv1.OmitEmptyWithLegacySemantics(true),
	json.Deterministic(true),
)

// negotiate chooses the form of an IVOA answer, before anything is done.
func (v *visit) negotiate() (ivoa.Media, error) {
	v.header().Add("Vary", "Accept")
	media, ok := ivoa.Negotiate(strings.Join(v.Request().Header["Accept"], ","))
	if !ok {
		return media, unacceptable("application/json, application/yaml and application/xml")
	}
	return media, nil
}

// onlyJSON refuses a client that doesn't take JSON.
func (v *visit) onlyJSON() error { return v.only("application/json") }

// only refuses a client whose Accept header excludes a media type.
func (v *visit) only(mediaType string) error {
	if !accepts(strings.Join(v.Request().Header["Accept"], ","), mediaType) {
		return unacceptable(mediaType)
	}
	return nil
}

// The media types of lists.
const (
	jsonType = "application/json"
	csvType  = "text/csv"
)

// prefers chooses among media types the one that the client wants most, the first
// of them for those who don't say.
func (v *visit) prefers(types ...string) (best string, err error) {
	v.header().Add("Vary", "Accept")
	header := strings.Join(v.Request().Header["Accept"], ",")
	wanted, exactness := 0.0, 0
	for _, t := range types {
		if q, exact := acceptance(header, t); q > wanted || q > 0 && q == wanted && exact > exactness {
			best, wanted, exactness = t, q, exact
		}
	}
	if best == "" {
		return "", unacceptable(strings.Join(types, ", "))
	}
	return best, nil
}

func unacceptable(offered string) error {
	return &fault{status: http.StatusNotAcceptable, code: "not-acceptable", field: "Accept",
		detail: "this resource is to be had as " + offered}
}

// accepts reports whether an Accept header admits a media type.
func accepts(header, mediaType string) bool {
	quality, _ := acceptance(header, mediaType)
	return quality > 0
}

// acceptance is how much an Accept header wants a media type, from 0 (not at
// all) to 1, and how exactly it says so. The most exact range that matches
// decides.
func acceptance(header, mediaType string) (wanted float64, exactness int) {
	if strings.TrimSpace(header) == "" {
		return 1, 0
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		exact := 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case mediaType:
			exact = 3
		case kind + "/*":
			exact = 2
		case "*/*":
			exact = 1
		}
		switch {
		case exact == 0 || exact < exactness:
		case exact > exactness:
			wanted, exactness = quality(parameters), exact
		default:
			wanted = max(wanted, quality(parameters))
		}
	}
	return wanted, exactness
}

func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0
		}
		return q
	}
	return 1
}

// answer writes an IVOA document.
func (v *visit) answer(status int, media ivoa.Media, document any) error {
	body, err := ivoa.Encode(media, document)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return v.send(status, media.String(), body)
}

// answerJSON writes a document that exists in JSON only.
func (v *visit) answerJSON(status int, document any) error {
	buffer := v.server.buffers.lend()
	defer v.server.buffers.giveBack(buffer)
	if err := json.MarshalWrite(buffer, document, written); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return v.send(status, "application/json", buffer.Bytes())
}

// nothing answers 204.
func (v *visit) nothing() error {
	v.Response().WriteHeader(http.StatusNoContent)
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
