package ivoa

// MetricItem is a measure of quality: at least this, in a request; this much,
// in an offer.
type MetricItem interface {
	Metric() *Quantity
	metricItem()
}

func (*FloatMetric) metricItem()   {}
func (*UnknownMetric) metricItem() {}

// FloatMetric is a least and a greatest value, each of which may be absent.
type FloatMetric struct {
	Quantity
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Metric returns the common part.
func (m *FloatMetric) Metric() *Quantity { return &m.Quantity }

// NewFloatMetric returns a metric of exactly value.
func NewFloatMetric(metricType string, value float64) *FloatMetric {
	return &FloatMetric{Quantity: Quantity{Kind: KindFloatMetric, Type: metricType}, Min: &value, Max: &value}
}

// UnknownMetric is a metric of a kind that this package doesn't know.
type UnknownMetric struct {
	Quantity
	// Content holds all members but the common ones.
	Content Raw `json:"-" wire:"rest"`
}

// Metric returns the common part.
func (m *UnknownMetric) Metric() *Quantity { return &m.Quantity }
