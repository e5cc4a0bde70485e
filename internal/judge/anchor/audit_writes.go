package anchor

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
)

// writesOf is the worst of all files that a resolver follows keys in.
func writesOf(i holdfast.Installation) holdfast.Writes {
	out := writes(holdfast.AnswerNeedless, "", "it follows no keys, and so has no state to write")
	for _, way := range i.Anchorings {
		if way.Upkeep != holdfast.UpkeepFollow {
			continue
		}
		w := writesTo(way, i.Account)
		if out.Can == holdfast.AnswerNeedless || w.Can == holdfast.AnswerNo || w.Can == holdfast.AnswerUnknown && out.Can == holdfast.AnswerYes {
			out = w
		}
	}
	return out
}

// writesTo says whether an account can write the state of one anchoring. The
// folder decides: all of the resolvers that follow keys write a new file
// beside the old one and rename it, or keep a journal there.
func writesTo(way holdfast.Anchoring, account holdfast.Account) holdfast.Writes {
	x := way.Access
	if x == nil {
		return writes(holdfast.AnswerUnknown, way.File, "nothing is known of its file")
	}
	switch {
	case len(x.Denied) > 0:
		return writes(holdfast.AnswerNo, x.Denied[0].Place, "%s: %s", x.Denied[0].Name, x.Denied[0].Value)
	case !x.Folder.Exists:
		return writes(holdfast.AnswerNo, x.Folder.Path, "the folder %s is not there", x.Folder.Path)
	case x.Volatile != (holdfast.Setting{}):
		return writes(holdfast.AnswerNo, x.Volatile.Place, "what it writes is lost with the container or at boot: %s: %s", x.Volatile.Name, x.Volatile.Value)
	}
	can, known := x.Folder.WritableBy(account)
	switch {
	case !known:
		return writes(holdfast.AnswerUnknown, x.Folder.Path, "the account %q, or the owner of %s, is not known here", account.User, x.Folder.Path)
	case !can:
		return writes(holdfast.AnswerNo, x.Folder.Path, "%s may not write in %s: mode %04o, owner %d:%d", account.User, x.Folder.Path, x.Folder.Mode.Perm(), x.Folder.UID, x.Folder.GID)
	}
	return writes(holdfast.AnswerYes, x.Folder.Path, "%s may write in %s", account.User, x.Folder.Path)
}

func writes(can holdfast.Answer, place, why string, args ...any) holdfast.Writes {
	return holdfast.Writes{Can: can, Why: fmt.Sprintf(why, args...), Place: place}
}
