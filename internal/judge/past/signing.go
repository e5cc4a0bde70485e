package past

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func foldSigning(c *judge.Case) []holdfast.SigningPast { return c.Past.Signing }
