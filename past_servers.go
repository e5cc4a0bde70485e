package holdfast

// ServerPast is one server of a zone over time.
type ServerPast struct {
	Server Server `json:"server"`
}
