package ivoa

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is one element of an XML document. Namespaces are gone: local names
// are unique in the schema.
type element struct {
	name     string
	attrs    []attribute
	children []*element
	text     []byte // all character data, in order
	pos      int
}

type attribute struct{ name, value string }

// parseXML reads a body as one element. Document types, and with them all
// entities but XML's own five, and processing instructions are refused.
func parseXML(body []byte, b *budget) (*element, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	p := xmlParser{dec: xml.NewDecoder(bytes.NewReader(body)), budget: b}
	root, err := p.document()
	if err != nil {
		return nil, p.explain(body, err)
	}
	return root, nil
}

type xmlParser struct {
	dec    *xml.Decoder
	budget *budget
	begun  bool // something other than the declaration was seen
	open   []*element
}

func (p *xmlParser) document() (root *element, err error) {
	for {
		token, err := p.dec.Token()
		if err == io.EOF && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if root != nil && len(p.open) == 0 {
				return nil, &SyntaxError{Message: "the XML has more than one root element"}
			}
			e, err := p.start(t)
			if err != nil {
				return nil, err
			}
			if root == nil {
				root = e
			}
		case xml.EndElement:
			p.open = p.open[:len(p.open)-1]
		case xml.CharData:
			if err := p.chars(t); err != nil {
				return nil, err
			}
		case xml.ProcInst:
			if t.Target != "xml" || p.begun {
				return nil, &SyntaxError{Message: "processing instructions are not allowed in XML here"}
			}
		case xml.Directive:
			return nil, &SyntaxError{Message: "document types and entities are not allowed in XML here"}
		}
		p.begun = true
	}
}

// start opens an element, as a child of the one that is open.
func (p *xmlParser) start(t xml.StartElement) (*element, error) {
	e := &element{name: t.Name.Local, pos: int(p.dec.InputOffset())}
	if len(p.open) > 0 {
		parent := p.open[len(p.open)-1]
		parent.children = append(parent.children, e)
	}
	p.open = append(p.open, e)
	if err := p.budget.spend(len(p.open), 0); err != nil {
		return nil, err
	}
	for _, a := range t.Attr {
		if err := p.budget.spend(len(p.open), len(a.Value)); err != nil {
			return nil, err
		}
		if a.Name.Local == "xmlns" || a.Name.Space == "xmlns" || a.Name.Space == "xml" || strings.HasSuffix(a.Name.Space, "XMLSchema-instance") {
			continue
		}
		e.attrs = append(e.attrs, attribute{a.Name.Local, a.Value})
	}
	return e, nil
}

func (p *xmlParser) chars(data xml.CharData) error {
	if len(p.open) == 0 {
		if len(bytes.TrimSpace(data)) > 0 {
			return &SyntaxError{Message: "text stands outside the root element"}
		}
		return nil
	}
	p.budget.bytes += len(data)
	e := p.open[len(p.open)-1]
	if len(e.children) > 0 && len(bytes.TrimSpace(data)) == 0 {
		return nil // between children
	}
	e.text = append(e.text, data...)
	return nil
}

// attr returns an attribute's value, or "".
func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// blank reports whether an element has nothing but white space and children.
func (e *element) blank() bool { return len(bytes.TrimSpace(e.text)) == 0 }

// explain turns what stopped the parser into a SyntaxError with its place.
func (p *xmlParser) explain(body []byte, err error) error {
	at := &SyntaxError{Line: lineOf(body, int(p.dec.InputOffset()))}
	var names trail
	for _, e := range p.open {
		names = append(names, step{e.name, -1})
	}
	if len(names) > 0 {
		at.Path = clipPath(names[1:].String())
	}
	var ours *SyntaxError
	var theirs *xml.SyntaxError
	switch {
	case errors.As(err, &ours):
		at.Message, at.Limit = ours.Message, ours.Limit
	case errors.Is(err, io.EOF):
		at.Message = "the body has no XML element"
	case errors.As(err, &theirs):
		at.Message = "not XML: " + clip(theirs.Msg)
	default:
		at.Message = fmt.Sprintf("not XML: %v", clip(err.Error()))
	}
	return at
}
