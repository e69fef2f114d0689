package api

import (
	"strings"

	"starling/api/ivoa"
)

// absolute turns a path of this node into a URL. What is a URL already, of
// another origin, stays as it is: only our own are ours to rewrite.
func (v *visit) absolute(location string) string { return located(v.base, location) }

func located(base, location string) string {
	if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") {
		return location
	}
	return base + location
}

// locateOffers fills in the URLs of an offer set, field by field.
func (v *visit) locateOffers(offers *ivoa.OfferSet) *ivoa.OfferSet {
	v.locate(&offers.Component)
	for _, session := range offers.Offers {
		v.locateSession(session)
	}
	return offers
}

// locateSession fills in the URLs of a session and its components.
func (v *visit) locateSession(session *ivoa.Session) *ivoa.Session {
	for i := range session.Connectors {
		connector := &session.Connectors[i]
		connector.Location = v.absolute(connector.Location)
	}
	for _, component := range componentsOf(session) {
		v.locate(component)
	}
	return session
}

// componentsOf are a session and all its parts.
func componentsOf(session *ivoa.Session) []*ivoa.Component {
	all := []*ivoa.Component{&session.Component}
	if session.Executable != nil {
		all = append(all, session.Executable.Base())
	}
	if session.Compute != nil {
		all = append(all, session.Compute.Base())
		for _, mount := range session.Compute.Mounted().Volumes {
			all = append(all, mount.Base())
		}
	}
	for _, storage := range session.Storage {
		all = append(all, storage.Base())
	}
	for _, data := range session.Data {
		all = append(all, data.Base())
	}
	return all
}

func (v *visit) locate(component *ivoa.Component) {
	if component.Meta != nil {
		component.Meta.URL = v.absolute(component.Meta.URL)
	}
}
