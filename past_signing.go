package holdfast

// SigningPast is how a zone signs RRsets of one class.
type SigningPast struct {
	Class Class `json:"class"`
}
