package app

import (
	"slices"

	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/alg"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/judge/past"
	"github.com/holdfastdns/holdfast/internal/judge/rollover"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/judge/server"
	"github.com/holdfastdns/holdfast/internal/judge/zone"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// CatalogueVersion names the checks and their rules; a verdict carries it. It
// changes whenever a verdict over the same evidence could.
const CatalogueVersion = "2026.11.3"

// NewCatalogue is every check of the house, over a validator that trusts the
// anchors. The cache of verified signatures may be shared by catalogues.
func NewCatalogue(anchors []wire.Record, cache *dnssec.Cache) judge.Catalogue {
	return judge.Catalogue{
		Version:  CatalogueVersion,
		Checks:   slices.Concat(zone.Checks(), server.Checks(), dnssec.Checks(), rollover.Checks(), rootkey.Checks(rootkey.Calendar()), alg.Checks()),
		Validate: dnssec.NewValidator(anchors, cache).Validate,
		Remember: past.Fold,
	}
}
