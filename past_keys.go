package holdfast

import "time"

// KeyPast is a DNSKEY over time.
type KeyPast struct {
	Algorithm uint8     `json:"algorithm"`
	Tag       uint16    `json:"tag"` // without the REVOKE bit
	Published time.Time `json:"published"`
}

// DSPast is a DS record of the parent over time.
type DSPast struct {
	DS        DS        `json:"ds"`
	Published time.Time `json:"published"`
}
