package api

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"time"

	"starling/api/ivoa"
)

// The identifiers of what this service speaks. The execution broker's standard
// is a draft and has none registered; this is the form it will have.
const (
	standardAvailability = "ivo://ivoa.net/std/VOSI#availability"
	standardCapabilities = "ivo://ivoa.net/std/VOSI#capabilities"
	standardBroker       = "ivo://ivoa.net/std/ExecutionBroker#api-1.0"
	securityBearer       = "ivo://ivoa.net/sso#OAuth" // bearer tokens in the IVOA's vocabulary
)

const xmlType = "application/xml"

// vosi answers the IVOA's support interfaces, version 1.1.
type vosi struct {
	since time.Time // when this service came up
}

// availability answers GET /availability: whether the service takes work, and
// if not, why.
func (s *Server) availability(v *visit) error {
	if err := v.onlyXML(); err != nil {
		return err
	}
	wrong := s.Broker.Ready()
	var out bytes.Buffer
	out.WriteString(xml.Header)
	out.WriteString(`<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">` + "\n")
	element(&out, "vosi:available", boolean(len(wrong) == 0))
	element(&out, "vosi:upSince", ivoa.FormatInstant(s.vosi.since))
	for _, note := range wrong {
		element(&out, "vosi:note", note)
	}
	out.WriteString("</vosi:availability>\n")
	return v.send(http.StatusOK, xmlType, out.Bytes())
}

// capabilities answers GET /capabilities: which standards the service speaks,
// and where.
func (s *Server) capabilities(v *visit) error {
	if err := v.onlyXML(); err != nil {
		return err
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	out.WriteString(`<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"` +
		` xmlns:vr="http://www.ivoa.net/xml/VOResource/v1.0"` +
		` xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` + "\n")
	capability(&out, standardCapabilities, "full", v.base+capabilitiesPath, "")
	capability(&out, standardAvailability, "full", v.base+availabilityPath, "")
	capability(&out, standardBroker, "base", v.base, securityBearer)
	out.WriteString("</vosi:capabilities>\n")
	return v.send(http.StatusOK, xmlType, out.Bytes())
}

// capability writes one capability with its one interface. The elements within
// are unqualified, as VOResource wants them.
func capability(out *bytes.Buffer, standard, use, location, security string) {
	out.WriteString(`  <capability standardID="` + standard + `">` + "\n")
	out.WriteString(`    <interface xsi:type="vs:ParamHTTP" role="std">` + "\n")
	out.WriteString(`      <accessURL use="` + use + `">`)
	_ = xml.EscapeText(out, []byte(location))
	out.WriteString("</accessURL>\n")
	if security != "" {
		out.WriteString(`      <securityMethod standardID="` + security + `"/>` + "\n")
	}
	out.WriteString("    </interface>\n  </capability>\n")
}

func element(out *bytes.Buffer, name, text string) {
	out.WriteString("  <" + name + ">")
	_ = xml.EscapeText(out, []byte(text))
	out.WriteString("</" + name + ">\n")
}

func boolean(value bool) string {
	if value {
		return "true"
	}
	return "false"
}

// onlyXML takes text/xml for application/xml, as VOSI's clients ask for either.
func (v *visit) onlyXML() error {
	if v.only("text/xml") == nil {
		return nil
	}
	return v.only(xmlType)
}
