package holdfast

import "time"

// Registration is what is known of a zone's technical contact, as far as it
// bears on whether people can be reached: facts, and neither a person's name
// nor an address, since it travels with evidence.
type Registration struct {
	Source  ContactSource `json:"source,omitempty"`
	Fetched time.Time     `json:"fetched,omitzero"`
	// Contact says that a contact is known to whom mail can be sent. False: all
	// configured sources were asked, and none knows one.
	Contact bool `json:"contact"`
	Domain  Name `json:"domain,omitempty"` // of its mail address
	// Bounced is when the last mail to it was refused for good; zero where none
	// was, or one arrived since.
	Bounced time.Time `json:"bounced,omitzero"`
}
