package api

import (
	"net/netip"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/holdfastdns/holdfast"
)

// The nouns below write their own JSON, which the generator cannot see into.
// These types have the same keys and are used for the description only; the
// test of the description fails where they stray from what is written. They are
// exported because the generator looks past embedded types that are not.

// Finding describes holdfast.Finding.
type Finding struct {
	Code      string            `json:"code" doc:"permanent"`
	Name      string            `json:"name"`
	Severity  holdfast.Severity `json:"severity"`
	Zone      holdfast.Name     `json:"zone"`
	Server    holdfast.Name     `json:"server,omitempty" doc:"absent where the finding is about the zone"`
	Address   netip.Addr        `json:"address,omitzero"`
	RRset     holdfast.Class    `json:"rrset,omitempty"`
	Text      string            `json:"text"`
	Reference string            `json:"reference" doc:"the clause that backs it"`
	EDE       int               `json:"ede,omitempty" doc:"RFC 8914 info-code"`
	Until     time.Time         `json:"until,omitzero" doc:"when what it warns of happens, or happened"`
	Evidence  []int             `json:"evidence" doc:"indexes into the measurement's exchanges"`
	Count     int               `json:"count,omitempty"`
}

// IncidentFinding describes holdfast.IncidentFinding.
type IncidentFinding struct {
	Finding
	Measurement string `json:"measurement"`
}

func describe(schemas huma.Registry) {
	for noun, description := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[holdfast.Algorithms]():      reflect.TypeFor[[]int](),
		reflect.TypeFor[holdfast.Renewal]():         reflect.TypeFor[[5]int64](),
		reflect.TypeFor[holdfast.Finding]():         reflect.TypeFor[Finding](),
		reflect.TypeFor[holdfast.IncidentFinding](): reflect.TypeFor[IncidentFinding](),
	} {
		schemas.RegisterTypeAlias(noun, description)
	}
}
