//! GICv3 as the guest sees it: distributor, redistributors, CPU interface.
