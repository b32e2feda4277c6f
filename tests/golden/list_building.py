def list_building(x, n):
    states = [x]
    for i in range(n):
        states.append(np.sin(states[-1]) + x)
    return np.sum(np.stack(states) ** 2)


# grad(list_building, wrt=0): 3.2 lines per line, 0 copies

def list_building_grad(x, n):
    states = [x]
    states_item_stack = []
    for _ in range(n):
        states_item = states[-1]
        states_item_stack.append(states_item)
        states.append(np.sin(states_item) + x)
    # adjoint
    d_states = list(2 * np.stack(states))
    d_x = np.zeros_like(x)
    for _ in range(n):
        d_t = d_states.pop()
        d_x = d_x + d_t
        states_item = states_item_stack.pop()
        d_states[-1] = d_states[-1] + d_t * np.cos(states_item)
    d_x += d_states[0]
    return d_x
