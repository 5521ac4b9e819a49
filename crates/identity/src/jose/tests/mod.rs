mod attacks;
mod wycheproof;
