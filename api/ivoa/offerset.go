package ivoa

// Result says whether a request can be met.
type Result string

const (
	Yes Result = "YES"
	No  Result = "NO"
)

// OfferSet answers a request. Where Result is No, the messages of its metadata
// say why.
type OfferSet struct {
	Component
	Result      Result     `json:"result,omitempty"`
	Description string     `json:"description,omitempty"`
	Offers      []*Session `json:"offers,omitempty" xml:"offers>execution"`
}
