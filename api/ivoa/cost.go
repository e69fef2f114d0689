package ivoa

// CostItem is a cost: at most this, in a request; this much, in an offer.
type CostItem interface {
	Cost() *Quantity
	costItem()
}

func (*FloatCost) costItem()   {}
func (*UnknownCost) costItem() {}

// Quantity is what costs and metrics have in common.
type Quantity struct {
	Kind string `json:"kind,omitempty" xml:"kind,attr"`
	// Type says what is counted: CostMonetary, say, or MetricIOThroughput.
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
}

// FloatCost is a least and a greatest cost, each of which may be absent.
type FloatCost struct {
	Quantity
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Cost returns the common part.
func (c *FloatCost) Cost() *Quantity { return &c.Quantity }

// NewFloatCost returns a cost of exactly value.
func NewFloatCost(costType string, value float64) *FloatCost {
	return &FloatCost{Quantity: Quantity{Kind: KindFloatCost, Type: costType}, Min: &value, Max: &value}
}

// UnknownCost is a cost of a kind that this package doesn't know.
type UnknownCost struct {
	Quantity
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}

// Cost returns the common part.
func (c *UnknownCost) Cost() *Quantity { return &c.Quantity }
