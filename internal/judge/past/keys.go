package past

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func foldKeys(c *judge.Case) ([]holdfast.KeyPast, []holdfast.DSPast) { return c.Past.Keys, c.Past.DS }
