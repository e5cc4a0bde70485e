package holdfast

// PurposeName is that of the questions of a resolution: the name and type asked
// for, or what an alias led to, put to servers of Exchange.Zone, the root and
// each zone on the way.
const PurposeName Purpose = "name"
