package ivoa

// Component is what every part of a request or an answer begins with.
type Component struct {
	// Kind says which type the rest is; left empty, Encode writes the type's own kind.
	Kind    string       `json:"kind,omitempty" xml:"kind,attr"`
	Meta    *Metadata    `json:"meta,omitempty"`
	Costs   []CostItem   `json:"costs,omitempty" xml:"cost"`
	Metrics []MetricItem `json:"metrics,omitempty" xml:"metric"`
}

// Base returns the common part of any component, so that a caller can name it,
// add messages or set costs without knowing its type.
func (c *Component) Base() *Component { return c }

// NeedMeta returns the component's metadata, adding an empty block where there is none.
func (c *Component) NeedMeta() *Metadata {
	if c.Meta == nil {
		c.Meta = &Metadata{}
	}
	return c.Meta
}

// Name is the name that the client gave the component, or "".
func (c *Component) Name() string {
	if c.Meta == nil {
		return ""
	}
	return c.Meta.Name
}

// UUID is the component's identifier, or "".
func (c *Component) UUID() string {
	if c.Meta == nil {
		return ""
	}
	return c.Meta.UUID
}

// AddMessages appends messages to the component's metadata.
func (c *Component) AddMessages(messages ...Message) {
	if len(messages) == 0 {
		return
	}
	meta := c.NeedMeta()
	meta.Messages = append(meta.Messages, messages...)
}

// Metadata names a component and carries what there is to say about it.
type Metadata struct {
	UUID        string    `json:"uuid,omitempty"`
	Name        string    `json:"name,omitempty"`
	URL         string    `json:"url,omitempty"`
	Description string    `json:"description,omitempty"`
	Created     Time      `json:"created,omitzero"`
	Modified    Time      `json:"modified,omitzero"`
	Messages    []Message `json:"messages,omitempty" xml:"message"`
	// Options are the updates that the caller may make now.
	Options []Option `json:"options,omitempty"`
}
