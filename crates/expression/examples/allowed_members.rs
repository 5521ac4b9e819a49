//! Lists every type and member that expressions may use, one a line: `type<TAB>member`.

use gatehouse_expression::allowed_types;

fn main() {
    for class in allowed_types() {
        for base in class.bases {
            println!("{}\tbase {base}", class.name);
        }
        for alias in class.aliases {
            println!("{}\talias {alias}", class.name);
        }
        for member in class.members() {
            println!("{}\t{member}", class.name);
        }
        for (value, number) in class.values {
            println!("{}\tvalue {value} = {number}", class.name);
        }
    }
}
